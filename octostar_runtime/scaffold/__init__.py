"""`octostar-runtime new`: a project skeleton by the conventions, that runs at once."""
