"""From RGB-D images to segmented clouds: support surfaces, objects, identities kept over time."""
