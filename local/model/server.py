"""Serves one GGUF model on loopback, OpenAI-compatible, until it is ended.

Usage: server.py GGUF PORT THREADS CONTEXT SLOTS ALIAS
"""

import signal
import sys

import xllamacpp

gguf, port, threads, context, slots, alias = sys.argv[1:7]

params = xllamacpp.CommonParams()
params.model.path = gguf
params.model_alias = {alias}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
# llama.cpp divides the context between its slots; ours is per conversation.
params.n_parallel = int(slots)
params.n_ctx = int(context) * int(slots)
# A long prompt goes in pieces, so that the other conversation's turn goes on meanwhile.
params.n_batch = params.n_ubatch = 512
# What was read stays read: an agent's next turn begins with the same words. The default is 8 GiB.
params.cache_prompt = True
params.cache_ram_mib = 512
for pool in (params.cpuparams, params.cpuparams_batch):
    pool.n_threads = int(threads)
    # Idle threads sleep instead of asking for work: others want the processor too.
    pool.poll = 0

server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)
signal.pause()
