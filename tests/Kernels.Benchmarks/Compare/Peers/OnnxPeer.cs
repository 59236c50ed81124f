using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// ONNX Runtime's GroupQueryAttention on the CPU, on tensors that it has been given once: in decode past and present are one buffer, so
/// that the cache is not copied; the step's new token is written into it, which is part of the operator and small beside reading the cache.
/// A cache of integers has one scale for all keys and one for all values, and queries in float32, with which the operator is faster than
/// with float16.
/// </summary>
internal sealed class OnnxPeer : IDisposable
{
    /// <summary>Seeds of the inputs; a copy of the cache takes two from the last on, for keys and for values.</summary>
    internal const int QuerySeed = 1, KeySeed = 2, ValueSeed = 3, CacheSeed = 4;

    // As for our own kernels: copies of the cache make up this much.
    private const long RotatedBytes = 512L << 20;

    // More than this in scores, which the operator keeps for all heads, is left out.
    private const double MostScoreBytes = 6e9;

    // The largest number of RandomData is the largest integer.
    private double Scale => Math.Sqrt(3) / (work.CacheStorage == ElementType.Int8 ? 127 : 7);

    private readonly Work work;
    private readonly IReadOnlyList<string> inputNames;
    private readonly InferenceSession session;
    private readonly RunOptions options = new();
    private readonly List<IDisposable> owned = [];
    private readonly List<(OrtValue[] Inputs, OrtValue[] Outputs)> turns = [];
    private int turn;
    private OrtValue[] last = [];

    private OnnxPeer(Work work)
    {
        this.work = work = OnnxModel.IsQuantised(work) ? work with { Storage = ElementType.Float32 } : work;
        inputNames = OnnxModel.Inputs(work);
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
            { Storage: ElementType.BFloat16 } => "GroupQueryAttention on the CPU has no bfloat16",
            { CacheStorage: ElementType.Float8E4M3 } => $"GroupQueryAttention on the CPU has no cache in {work.CacheStorage}",
            { Causal: false, Step: Step.Prefill } => "GroupQueryAttention is causal",
            { Step: Step.Prefill } when scores > MostScoreBytes => string.Create(
                CultureInfo.InvariantCulture, $"its scores would take {scores / 1e9:0} GB"),
            _ => null,
        };
    }

    /// <summary>Prepares some work on random inputs.</summary>
    public static OnnxPeer Open(Work work)
    {
        var peer = new OnnxPeer(work);
        try
        {
            if (peer.work.Storage == ElementType.Float16)
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
        session.Run(options, inputNames, inputs, OnnxModel.Outputs, outputs);
        last = outputs;
        turn = (turn + 1) % turns.Count;
    }

    /// <summary>The outputs of the last run, [batch, queries, heads, dim].</summary>
    public float[] Output() => Floats(last[0]);

    /// <summary>What is wrong with the outputs of the last run; null: nothing that was found.</summary>
    public string? FindFault() =>
        OutputCheck.Fault<float>(Output(), work.QueryHeads, work.ValueDim, OutputCheck.Tolerance(work.Storage, work.Storage), Expected);

    /// <summary>The reference's output of a query over the cache as the last run left it: of what its integers stand for.</summary>
    internal double[] Expected(int token, int head)
    {
        int count = WorkReference.Keys(work, work.Step == Step.Prefill ? token % work.Sequence : work.Sequence - 1);
        long kvHead = ((long)(token / work.Queries) * work.KvHeads) + (head / (work.QueryHeads / work.KvHeads));
        long begin = kvHead * work.Sequence * work.HeadDim;
        double[] query = Numbers(turns[0].Inputs[0], (((long)token * work.QueryHeads) + head) * work.HeadDim, work.HeadDim);
        return WorkReference.Row(
            work, head, query, Numbers(last[1], begin, count * work.HeadDim), Numbers(last[2], begin, count * work.HeadDim));
    }

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
        long[] queryShape = [work.Batch, work.Queries, (long)work.QueryHeads * work.HeadDim];
        long[] rowShape = [work.Batch, work.Queries, (long)work.KvHeads * work.HeadDim];
        OrtValue query = Tensor<T, TOrt>(queryShape, QuerySeed), key = Tensor<T, TOrt>(rowShape, KeySeed), value = Tensor<T, TOrt>(
            rowShape, ValueSeed);
        OrtValue output = Tensor<T, TOrt>(queryShape, QuerySeed);
        OrtValue lengths = Own(OrtValue.CreateTensorValueFromMemory([.. Enumerable.Repeat(work.Sequence - 1, work.Batch)], [work.Batch]));
        OrtValue total = Own(OrtValue.CreateTensorValueFromMemory([work.Sequence], [1L]));
        OrtValue[] scales = OnnxModel.IsQuantised(work)
            ? [.. Enumerable.Range(0, 2).Select(_ => Own(OrtValue.CreateTensorValueFromMemory([(float)Scale], [1L])))] : [];
        int copies = work.Step == Step.Prefill ? 1 : (int)Math.Max(1, RotatedBytes / work.StoredBytes) + 1;
        for (int i = 0; i < copies; i++)
        {
            OrtValue keys = Cache<T, TOrt>(CacheSeed + (2 * i)), values = Cache<T, TOrt>(CacheSeed + (2 * i) + 1);
            turns.Add(
                ([query, key, value, .. work.Step == Step.Prefill ? [] : (OrtValue[])[keys, values], lengths, total, .. scales], [output,
                    keys, values]));
        }
    }

    /// <summary>
    /// Random keys or values; integers as the scale makes them of such numbers, each four bits 8 more than it stands for.
    /// </summary>
    private OrtValue Cache<T, TOrt>(int seed)
        where T : unmanaged
        where TOrt : unmanaged
    {
        long[] shape = [work.Batch, work.KvHeads, work.Sequence, work.HeadDim * (work.CacheStorage == ElementType.Int4 ? 1 : 2) / 2];
        if (!OnnxModel.IsQuantised(work))
        {
            return Tensor<T, TOrt>(shape, seed);
        }

        long length = shape.Aggregate(1L, (product, axis) => product * axis);
        int[] numbers =
            [.. RandomData.Create<float>(Math.Min(length, RandomData.Period) * 2, seed).Select(number => (int)Math.Round(number / Scale))];
        return work.CacheStorage == ElementType.Int8
            ? Own(OrtValue.CreateTensorValueFromMemory(RandomData.Repeat([.. numbers.Select(number => (sbyte)number)], length), shape))
            : Own(
                OrtValue.CreateTensorValueFromMemory(
                    RandomData.Repeat([.. numbers.Chunk(2).Select(pair => (byte)((pair[0] + 8) | ((pair[1] + 8) << 4)))], length), shape));
    }

    /// <summary>The numbers that some elements of a tensor stand for.</summary>
    private double[] Numbers(OrtValue tensor, long begin, int count)
    {
        int from = checked((int)begin);
        double[] numbers = new double[count];
        switch (tensor.GetTensorTypeAndShape().ElementDataType)
        {
            case TensorElementType.Int8:
                ReadOnlySpan<sbyte> bytes = tensor.GetTensorDataAsSpan<sbyte>();
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = bytes[from + i] * Scale;
                }

                break;
            case TensorElementType.UInt8:
                ReadOnlySpan<byte> pairs = tensor.GetTensorDataAsSpan<byte>();
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = (((pairs[(from + i) / 2] >> (4 * ((from + i) % 2))) & 15) - 8) * Scale;
                }

                break;
            case TensorElementType.Float16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<Float16, Half>(tensor.GetTensorDataAsSpan<Float16>());
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = (double)halves[from + i];
                }

                break;
            default:
                ReadOnlySpan<float> floats = tensor.GetTensorDataAsSpan<float>();
                for (int i = 0; i < count; i++)
                {
                    numbers[i] = floats[from + i];
                }

                break;
        }

        return numbers;
    }

    private static float[] Floats(OrtValue tensor) => tensor.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float16
        ? [.. tensor.GetTensorDataAsSpan<Float16>().ToArray().Select(value => (float)value)]
        : tensor.GetTensorDataAsSpan<float>().ToArray();

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
