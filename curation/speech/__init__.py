"""What can be measured of the speech in a clip without its text: voice activity, noise, bandwidth, and DNSMOS."""
