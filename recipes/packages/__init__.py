"""Sounds out of Debian's packages whose names say what is heard: games, desktops, drum machines."""
