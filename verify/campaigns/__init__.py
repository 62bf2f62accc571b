"""Many kernels over many cases: plans, who judges the shards, where they are kept, what is recorded and found."""
