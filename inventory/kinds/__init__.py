"""Step kinds of inventory: weigh, charge, reconcile, label. One file each."""
