// Grouped-query attention over a KV cache: a prompt, then one token at a time, compared with plain attention in double precision.
using Kernels;
using Kernels.OpenCL;
using QuickStart;

using ComputeDevice device = ComputeDevice.Open(); // the first GPU, else a CPU; KERNELS_DEVICE=cpu picks another
using var attention = new SmallAttention(device);
using KvCache<SmallAttention> cache = attention.CreateCache(sequences: 1, capacity: 256);
SequenceHandle sequence = cache.AddSequence();
Console.WriteLine($"{device.Info}: {attention.Target} kernels, {SmallAttention.CacheBytesPerToken} bytes of cache a token");

// Queries are [tokens, 8, 64], keys and values [tokens, 2, 64]: as a linear layer produces them.
const int prompt = 100, generated = 20, tokens = prompt + generated;
var random = new Random(1);
float[] queries = Random(tokens * SmallAttention.QueryHeads * SmallAttention.HeadDim);
float[] keys = Random(tokens * SmallAttention.KvHeads * SmallAttention.HeadDim);
float[] values = Random(tokens * SmallAttention.KvHeads * SmallAttention.ValueDim);
float[] outputs = new float[tokens * SmallAttention.QueryHeads * SmallAttention.ValueDim];

// The prompt in one step, then a token a step: each appends its keys and values, and runs its queries over the cache.
attention.Prefill(cache, sequence, Rows(queries, 0, prompt), Rows(keys, 0, prompt), Rows(values, 0, prompt), Rows(outputs, 0, prompt));
for (int token = prompt; token < tokens; token++)
{
    attention.Decode(cache, [sequence], Rows(queries, token, 1), Rows(keys, token, 1), Rows(values, token, 1), Rows(outputs, token, 1));
}

double[] expected = SmallAttention.Reference(queries, keys, values);
double difference = outputs.Zip(expected, (actual, exact) => Math.Abs(actual - exact)).Max();
Console.WriteLine($"{cache.GetLength(sequence)} tokens, largest difference from the reference {difference:E1}");
return difference < 1e-5 ? 0 : 1;

float[] Random(int length) => [.. Enumerable.Range(0, length).Select(_ => (2 * random.NextSingle()) - 1)];

static Span<float> Rows(float[] data, int first, int count) => data.AsSpan(data.Length / tokens * first, data.Length / tokens * count);

namespace QuickStart
{
    /// <summary>Eight query heads share two KV heads; a token sees itself and what came before.</summary>
    [AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 64, Mask = AttentionMask.Causal)]
    public sealed partial class SmallAttention;
}
