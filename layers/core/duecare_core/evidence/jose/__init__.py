"""Keys as JWK (RFC 7517) and signatures as compact JWS (RFC 7515)."""
