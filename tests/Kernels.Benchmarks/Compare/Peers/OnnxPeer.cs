using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// ONNX Runtime's GroupQueryAttention on the CPU, on tensors that it has been given once: in decode past and present are one buffer, so that
/// the cache is not copied; the step's new token is written into it, which is part of the operator and small beside reading the cache.
/// </summary>
internal sealed class OnnxPeer : IDisposable
{
    /// <summary>Seeds of the inputs; a copy of the cache takes two from the last on, for keys and for values.</summary>
    internal const int QuerySeed = 1, KeySeed = 2, ValueSeed = 3, CacheSeed = 4;

    // As for our own kernels: copies of the cache make up this much.
    private const long RotatedBytes = 512L << 20;

    // More than this in scores, which the operator keeps for all heads, is left out.
    private const double MostScoreBytes = 6e9;

    private readonly Work work;
    private readonly InferenceSession session;
    private readonly RunOptions options = new();
    private readonly List<IDisposable> owned = [];
    private readonly List<(OrtValue[] Inputs, OrtValue[] Outputs)> turns = [];
    private int turn;

    private OnnxPeer(Work work)
    {
        this.work = work;
        session = new InferenceSession(OnnxModel.Create(work));
        owned.AddRange([session, options]);
    }

    /// <summary>The runtime's version.</summary>
    public static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Why the operator cannot do some work; null: it can.</summary>
    public static string? WhyNot(Work work)
    {
        double scores = 4.0 * work.Batch * work.QueryHeads * work.Sequence * work.Sequence;
        return work switch
        {
            { Latent: true } => "GroupQueryAttention has no latent cache",
            { Mod: not Mod.None } => "GroupQueryAttention has no mods",
            { PageSize: > 0 } => "GroupQueryAttention on the CPU has no pages",
            { CacheStorage: not (ElementType.Float32 or ElementType.Float16) } => $"GroupQueryAttention on the CPU has no cache in {work.CacheStorage}",
            { Causal: false, Step: Step.Prefill } => "GroupQueryAttention is causal",
            { Step: Step.Prefill } when scores > MostScoreBytes => string.Create(CultureInfo.InvariantCulture, $"its scores would take {scores / 1e9:0} GB"),
            _ => null,
        };
    }

    /// <summary>Prepares some work on random inputs.</summary>
    public static OnnxPeer Open(Work work)
    {
        var peer = new OnnxPeer(work);
        try
        {
            if (work.Storage == ElementType.Float16)
            {
                peer.Prepare<Half, Float16>();
            }
            else
            {
                peer.Prepare<float, float>();
            }

            return peer;
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    /// <summary>Does the work once.</summary>
    public void Run()
    {
        (OrtValue[] inputs, OrtValue[] outputs) = turns[turn];
        session.Run(options, OnnxModel.Inputs(work), inputs, OnnxModel.Outputs, outputs);
        turn = (turn + 1) % turns.Count;
    }

    /// <summary>The outputs of the last run, [batch, queries, heads, dim].</summary>
    public float[] Output() => work.Storage == ElementType.Float16
        ? [.. turns[0].Outputs[0].GetTensorDataAsSpan<Float16>().ToArray().Select(value => (float)value)]
        : turns[0].Outputs[0].GetTensorDataAsSpan<float>().ToArray();

    public void Dispose()
    {
        for (int i = owned.Count - 1; i >= 0; i--)
        {
            owned[i].Dispose();
        }
    }

    /// <typeparam name="T">The host type of numbers.</typeparam>
    /// <typeparam name="TOrt">The runtime's name for the same bits.</typeparam>
    private void Prepare<T, TOrt>()
        where T : unmanaged
        where TOrt : unmanaged
    {
        int queries = work.Step == Step.Prefill ? work.Sequence : 1;
        long[] queryShape = [work.Batch, queries, (long)work.QueryHeads * work.HeadDim];
        long[] rowShape = [work.Batch, queries, (long)work.KvHeads * work.HeadDim];
        long[] cacheShape = [work.Batch, work.KvHeads, work.Sequence, work.HeadDim];
        OrtValue query = Tensor<T, TOrt>(queryShape, QuerySeed), key = Tensor<T, TOrt>(rowShape, KeySeed), value = Tensor<T, TOrt>(rowShape, ValueSeed);
        OrtValue output = Tensor<T, TOrt>(queryShape, QuerySeed);
        OrtValue lengths = Own(OrtValue.CreateTensorValueFromMemory([.. Enumerable.Repeat(work.Sequence - 1, work.Batch)], [work.Batch]));
        OrtValue total = Own(OrtValue.CreateTensorValueFromMemory([work.Sequence], [1L]));
        int copies = work.Step == Step.Prefill ? 1 : (int)Math.Max(1, RotatedBytes / work.StoredBytes) + 1;
        for (int i = 0; i < copies; i++)
        {
            OrtValue keys = Tensor<T, TOrt>(cacheShape, CacheSeed + (2 * i)), values = Tensor<T, TOrt>(cacheShape, CacheSeed + (2 * i) + 1);
            turns.Add((work.Step == Step.Prefill ? [query, key, value, lengths, total] : [query, key, value, keys, values, lengths, total], [output, keys, values]));
        }
    }

    private OrtValue Tensor<T, TOrt>(long[] shape, int seed)
        where T : unmanaged
        where TOrt : unmanaged
    {
        T[] data = RandomData.Create<T>(shape.Aggregate(1L, (product, axis) => product * axis), seed);
        return Own(OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<T, TOrt>(data).ToArray(), shape));
    }

    private OrtValue Own(OrtValue value)
    {
        owned.Add(value);
        return value;
    }
}
