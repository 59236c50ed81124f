"""PyTorch as a participant of compare: reads a question a line (JSON), answers a line each.

    python3 -u torch_peer.py cpu|cuda

Each way that PyTorch has of doing a piece of work is tried, its output compared with a plain calculation in double
precision, and the fastest of each participant answered. Inputs are random; in decode, copies of the cache take turns so
that no call finds its keys in a processor's cache. On CUDA, before work in 16 bits that arithmetic limits, a product of
two large matrices is measured, as a ceiling that a library reaches.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

ROTATED_BYTES = 512 << 20
MATMUL = 8192  # rows and columns
FEWEST_SAMPLES, MOST_SAMPLES, MOST_REPEATS = 3, 30, 200
TYPES = {"Float32": torch.float32, "Float16": torch.float16, "BFloat16": torch.bfloat16}
TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 6e-2}


class Inputs:
    """Queries [batch, H_q, queries, d], and copies of keys and values [batch, H_kv, keys, d]."""

    def __init__(self, work, device):
        self.work = work
        self.type = TYPES[work["storage"]]
        self.device = device
        self.group = work["queryHeads"] // work["kvHeads"]
        self.decode = work["step"] == "Decode"
        torch.manual_seed(1)
        queries = 1 if self.decode else work["sequence"]
        rotates = self.decode and not work["latent"]
        copies = int(max(1, ROTATED_BYTES // work["storedBytes"])) + 1 if rotates else 1
        self.queries = self.random(work["batch"], work["queryHeads"], queries, work["headDim"])
        self.keys = [self.random(work["batch"], work["kvHeads"], work["sequence"], work["headDim"]) for _ in range(copies)]
        if work["latent"]:
            self.values = [keys[..., : work["valueDim"]] for keys in self.keys]
        else:
            self.values = [self.random(work["batch"], work["kvHeads"], work["sequence"], work["valueDim"]) for _ in range(copies)]
        self.slopes = torch.tensor([2.0 ** (-8.0 * h / work["queryHeads"]) for h in range(1, work["queryHeads"] + 1)], device=device)
        self.documents = torch.zeros(work["sequence"], dtype=torch.int32, device=device)

    def random(self, *shape):
        return torch.randn(shape, dtype=self.type, device=self.device)

    def error(self, output):
        """How far the last queries of the last head are from a plain calculation, relative to its largest number."""
        work = self.work
        rows = min(4, self.queries.shape[2])
        q = self.queries[-1, -1, -rows:].double()
        k, v = self.keys[0][-1, -1].double(), self.values[0][-1, -1].double()
        scores = q @ k.T * work["scale"]
        positions = torch.arange(work["sequence"] - rows, work["sequence"], device=self.device)[:, None]
        columns = torch.arange(work["sequence"], device=self.device)[None, :]
        if work["mod"] == "Slope":
            scores = scores - self.slopes[-1].double() * (positions - columns).abs()
        if work["causal"]:
            scores = scores.masked_fill(columns > positions, -math.inf)
        expected = scores.softmax(-1) @ v
        actual = output.reshape(work["batch"], work["queryHeads"], -1, work["valueDim"])[-1, -1, -rows:].double()
        return ((actual - expected).abs().max() / expected.abs().max()).item()


def ways_of(inputs, series):
    """Yields (participant, function of keys and values) for each way of doing the work."""
    work, q = inputs.work, inputs.queries
    grouped = q.reshape(work["batch"], work["kvHeads"], -1, work["headDim"]) if inputs.decode else None
    scale, causal, cuda = work["scale"], work["causal"] and not inputs.decode, inputs.device == "cuda"
    gqa = {"enable_gqa": True} if inputs.group > 1 else {}

    # The heads of a group as rows of one product: a key is read once for all of them.
    def products(k, v):
        return torch.matmul(torch.softmax(torch.matmul(grouped, k.transpose(-1, -2)) * scale, dim=-1), v)

    def sdpa(k, v):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=scale, **gqa)

    def sdpa_grouped(k, v):
        return F.scaled_dot_product_attention(grouped, k, v, scale=scale)

    def sdpa_repeated(k, v):
        return F.scaled_dot_product_attention(
            q, k.repeat_interleave(inputs.group, dim=1), v.repeat_interleave(inputs.group, dim=1), is_causal=causal, scale=scale
        )

    plain = work["mod"] == "None"
    if work["latent"]:
        yield "PyTorch", products
        return
    if not cuda:
        if plain:
            if inputs.decode:
                yield "PyTorch", products
                yield "PyTorch", sdpa_grouped
            else:
                yield "PyTorch", sdpa
                if inputs.group > 1:
                    yield "PyTorch", sdpa_repeated
        return
    if plain:
        for participant, backend in (("FlashAttention-2", SDPBackend.FLASH_ATTENTION), ("cuDNN", SDPBackend.CUDNN_ATTENTION)):
            for way in [sdpa, sdpa_grouped] if inputs.decode and inputs.group > 1 else [sdpa]:
                yield participant, with_backend(backend, way)
    if not series:
        yield "FlexAttention", flex(inputs, causal, gqa)


def with_backend(backend, way):
    def run(k, v):
        with sdpa_kernel(backend):
            return way(k, v)

    return run


def flex(inputs, causal, gqa):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    work, slopes, documents = inputs.work, inputs.slopes, inputs.documents

    def slope(score, b, h, query, key):
        return score - slopes[h] * (query - key).abs()

    def earlier(b, h, query, key):
        return query >= key

    def document(b, h, query, key):
        return (query >= key) & (documents[query] == documents[key])

    score_mod = slope if work["mod"] == "Slope" else None
    mask_mod = document if work["mod"] == "Document" else earlier if causal else None
    prepared = []

    def run(k, v):
        if not prepared:
            # Compiled for this work alone: a function compiled for too many shapes falls back to plain code.
            torch._dynamo.reset()
            length = work["sequence"]
            block_mask = create_block_mask(mask_mod, None, None, length, length, device=inputs.device) if mask_mod else None
            prepared.extend([torch.compile(flex_attention, dynamic=False), block_mask])
        compiled, block_mask = prepared
        return compiled(inputs.queries, k, v, score_mod=score_mod, block_mask=block_mask, scale=work["scale"], **gqa)

    return run


class Clock:
    """Seconds of so many calls; on CUDA between events, on a CPU by the wall clock."""

    def __init__(self, device, call, turns):
        self.cuda = device == "cuda"
        self.call, self.turns, self.turn = call, turns, 0

    def sample(self, repeats):
        if self.cuda:
            before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            torch.cuda.synchronize()
            before.record()
            self.run(repeats)
            after.record()
            after.synchronize()
            return before.elapsed_time(after) * 1e-3
        begin = time.perf_counter()
        self.run(repeats)
        return time.perf_counter() - begin

    def run(self, repeats):
        for _ in range(repeats):
            self.call(self.turn)
            self.turn = (self.turn + 1) % self.turns

    def samples(self, budget):
        self.sample(1)
        once = self.sample(1)
        begin = time.perf_counter()
        while time.perf_counter() - begin + once < budget / 4:
            once = self.sample(1)
        repeats = int(min(max(math.ceil((5e-3 if self.cuda else 1e-3) / once), 1), MOST_REPEATS))
        count = int(min(max(budget / (repeats * once), FEWEST_SAMPLES), MOST_SAMPLES))
        return [self.sample(repeats) / repeats for _ in range(count)]


def captured(call, turns):
    """The calls as a CUDA graph, without the interpreter's share of a short call."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        call(0)
    torch.cuda.synchronize()
    graphs = []
    for turn in range(min(turns, 8)):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call(turn)
        graphs.append(graph)
    return (lambda turn: graphs[turn].replay()), len(graphs)


def measure(inputs, way, budget):
    def call(turn):
        return way(inputs.keys[turn], inputs.values[turn])

    error = inputs.error(call(0))
    if not error < TOLERANCE[inputs.type]:
        raise ArithmeticError(f"its output is off by {error:.2g} of the largest number")
    clock = Clock(inputs.device, call, len(inputs.keys))
    samples = clock.samples(budget)
    if inputs.device == "cuda" and sorted(samples)[len(samples) // 2] < 1e-4:
        replay, turns = captured(call, len(inputs.keys))
        samples = min(samples, Clock(inputs.device, replay, turns).samples(budget), key=lambda s: sorted(s)[len(s) // 2])
    return samples


def why_not(work):
    if work["cacheStorage"] != work["storage"]:
        return f"PyTorch's attention has no cache in {work['cacheStorage']}"
    if work["pageSize"] > 0:
        return "PyTorch's attention functions take contiguous caches"
    if work["window"] > 0:
        return "scaled_dot_product_attention has no window, only a dense mask"
    return None


def answer(question, device):
    work, found, reasons = question["work"], {}, {}
    reason = why_not(work)
    if reason:
        return [{"participant": "PyTorch", "samples": [], "reason": reason}]
    inputs = Inputs(work, device)
    ways = iter(ways_of(inputs, question["series"]))
    while True:
        participant = "PyTorch"
        try:
            participant, way = next(ways)
            samples = measure(inputs, way, question["seconds"])
            if participant not in found or middle(samples) < middle(found[participant]):
                found[participant] = samples
        except StopIteration:
            break
        except Exception as e:  # Whatever a way cannot do, the next may.
            reasons.setdefault(participant, f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}")
    results = [{"participant": name, "samples": samples} for name, samples in found.items()]
    results += [{"participant": name, "samples": [], "reason": reason} for name, reason in reasons.items() if name not in found]
    return results or [{"participant": "PyTorch", "samples": [], "reason": "it has no function for this on this device"}]


def matmul(work, budget):
    """Operations a second of a product of two matrices in the work's type."""
    type = TYPES[work["storage"]]
    torch.manual_seed(2)
    a, b = (torch.randn((MATMUL, MATMUL), dtype=type, device="cuda") for _ in range(2))
    out = torch.empty_like(a)
    return 2 * MATMUL**3 / middle(Clock("cuda", lambda turn: torch.matmul(a, b, out=out), 1).samples(budget))


def wants_matmul(work, device):
    return device == "cuda" and work["storage"] != "Float32" and (work["step"] == "Prefill" or work["latent"])


def middle(samples):
    return sorted(samples)[len(samples) // 2]


def main():
    device = sys.argv[1]
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    environment = f"PyTorch {torch.__version__}, {name}" + (f", CUDA {torch.version.cuda}" if device == "cuda" else "")
    for line in sys.stdin:
        question, extra = json.loads(line), {}
        with torch.no_grad():
            try:
                if wants_matmul(question["work"], device):
                    extra["matmulFlopsPerSecond"] = matmul(question["work"], question["seconds"])
                results = answer(question, device)
            except Exception as e:
                results = [{"participant": "PyTorch", "samples": [], "reason": f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"}]
        if device == "cuda":
            torch.cuda.empty_cache()
        print(json.dumps({"results": results, "environment": environment, **extra}), flush=True)


if __name__ == "__main__":
    main()
