"""Physics behind one Simulator interface; reconstruction of observed scenes."""
