"""Shapes of the network's models, whole and a few layers of them."""

V1_MODEL = {"dim": 1024, "n_layers": 32, "n_heads": 32, "n_kv_heads": 32, "vocab_size": 8196, "ffn_dim_multiplier": 10.0,
            "multiple_of": 2048, "norm_eps": 1e-5, "rope_theta": 10000.0, "use_scaled_rope": False, "seq_len": 128}
V1_LAYERS = {**V1_MODEL, "n_layers": 6}
V2_LAYERS = {**V1_MODEL, "dim": 1792, "n_layers": 3, "n_heads": 64, "n_kv_heads": 64, "multiple_of": 8192, "seq_len": 256}


# A pool as large as V1's for a model that is soon computed: its numbers are in the vocabulary.
POOL_MODEL = {**V1_MODEL, "n_layers": 1, "vocab_size": 1400000, "seq_len": 1}


def ffn_of(params):
    hidden = int(params["ffn_dim_multiplier"] * int(2 * 4 * params["dim"] / 3))
    return -(-hidden // params["multiple_of"]) * params["multiple_of"]


def pool_of(params):
    """Numbers of the pool."""
    dim, layer = params["dim"], 4 * params["dim"] ** 2 + 3 * params["dim"] * ffn_of(params) + 2 * params["dim"]
    return max(50000, int((params["n_layers"] * layer + dim + 2 * params["vocab_size"] * dim) * 0.05))
