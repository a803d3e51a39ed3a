"""What ``main.sh`` starts: checks, the configuration of nginx and supervisord, and the first sign-in link."""
