import sys
from pathlib import Path

# The imitated robot lies beside the tests that use it; pytest's importlib mode leaves their folder off the path.
sys.path.insert(0, str(Path(__file__).parent))
