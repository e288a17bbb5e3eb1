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
params.cpuparams.n_threads = int(threads)
params.cpuparams_batch.n_threads = int(threads)

server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)
signal.pause()
