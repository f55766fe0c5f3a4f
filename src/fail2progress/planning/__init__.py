"""From a goal to a skill sequence: skeletons by search over predicted relations, parameters by shooting and CEM."""
