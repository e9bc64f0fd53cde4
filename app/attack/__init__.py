"""Published manipulations of a copy of the site, and what finds each of them."""
