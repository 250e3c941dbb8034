"""From the words that were typed to what does them."""
