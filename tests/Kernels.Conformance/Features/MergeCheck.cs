using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Merged outputs and LSEs against a softmax over the LSEs in double precision.</summary>
internal static class MergeCheck
{
    private const int MostCompared = 5000;

    /// <summary>A spec that states are merged for.</summary>
    public static AttentionShape Shape(int heads, int dim, ElementType storage, bool sinks) =>
        CaseMatrix.Shape(heads, 1, dim, dim, AttentionMask.None, storage, storage, KvLayout.Hnd) with { Sinks = sinks };

    /// <summary>Merges random states, some of them empty.</summary>
    /// <param name="device">Where to.</param>
    /// <param name="target">The target, or null: the device's own.</param>
    /// <param name="shape">The spec.</param>
    /// <param name="states">How many states each row has.</param>
    /// <param name="sinkOffset">Added to the sinks.</param>
    /// <param name="poisoned">
    /// Whether the second row has a state of NaN, the third one with an output of infinity and little weight, the fourth the largest
    /// outputs there are.
    /// </param>
    /// <param name="tokens">Tokens.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Run<T>(
        ComputeDevice device, KernelTarget? target, AttentionShape shape, int states, double sinkOffset = 0, bool poisoned = false,
        int tokens = 7) where T : unmanaged
    {
        var random = new Random(states);
        int heads = shape.QueryHeads, dim = shape.ValueDim, rows = tokens * heads;
        float[] sinks = [.. Enumerable.Range(0, heads).Select(_ => (float)(sinkOffset + random.NextDouble()))];
        float[] lse = new float[states * rows];
        T[] outputs = new T[lse.Length * dim];
        for (int i = 0; i < lse.Length; i++)
        {
            // The first row has nothing at all; in the others every fourth state is empty, and what it has as its output is not looked at.
            bool empty = i % rows == 0 || random.Next(4) == 0;
            lse[i] = empty ? (random.Next(2) == 0 ? float.NegativeInfinity : float.PositiveInfinity)
                : (float)((40 * random.NextDouble()) - 20);
            for (int d = 0; d < dim; d++)
            {
                outputs[(i * dim) + d] = Elements.From<T>(empty ? float.NaN : (float)((2 * random.NextDouble()) - 1));
            }
        }

        if (poisoned)
        {
            int last = (states - 1) * rows;
            lse[last + 1] = float.NaN;
            outputs.AsSpan((last + 1) * dim, dim).Fill(Elements.From<T>(float.NaN));
            lse[last + 2] = -200; // its weight is 0 in float32
            outputs.AsSpan((last + 2) * dim, dim).Fill(Elements.From<T>(float.PositiveInfinity));
            for (int state = 0; state < states; state++)
            {
                lse[(state * rows) + 3] = 1;
                // A merged sink leaves more of them.
                outputs.AsSpan(((state * rows) + 3) * dim, dim).Fill(Elements.From<T>(float.MaxValue / (shape.Sinks ? 64 : 1.0001f)));
            }
        }

        using var launcher = new AttentionLauncher<RuntimeSpec, T>(device, RuntimeSpec.Describe(shape), target);
        using DeviceBuffer<float> deviceLse = device.Upload<float>(lse), deviceSinks = device.Upload<float>(sinks);
        using DeviceBuffer<T> deviceOutputs = device.Upload<T>(outputs);
        Launched<T> merged = Merge();
        return merged.HasBitsOf(Merge()) ? Compare() : "two launches gave different bits";

        Launched<T> Merge()
        {
            // Poisoned, so that an output that no kernel writes is seen.
            T[] to = new T[rows * dim];
            float[] toLse = new float[rows];
            to.AsSpan().Fill(Elements.From<T>(float.NaN));
            toLse.AsSpan().Fill(float.NaN);
            using DeviceBuffer<T> deviceTo = device.Upload<T>(to);
            using DeviceBuffer<float> deviceToLse = device.Upload<float>(toLse);
            launcher.EnqueueMergeStates(
                new(deviceOutputs, deviceLse, states, tokens), deviceTo, deviceToLse, new()
                {
                    Sinks = shape.Sinks ? deviceSinks : null,
                }).Dispose();
            device.Queue.Read(deviceTo, to.AsSpan());
            device.Queue.Read(deviceToLse, toLse.AsSpan());
            return new(to, toLse);
        }

        string? Compare()
        {
            double tolerance = shape.Storage switch { ElementType.Float16 => 1e-3, ElementType.BFloat16 => 1e-2, _ => 1e-5 };
            // Of very many rows, the first, the last and some between.
            for (int row = 0; row < rows; row += row == rows - 1 ? 1 : Math.Min(rows - 1 - row, 1 + (rows / MostCompared)))
            {
                int[] full = [.. Enumerable.Range(0, states).Where(state => !float.IsInfinity(lse[(state * rows) + row]))];
                double sink = shape.Sinks ? sinks[row % heads] : double.NegativeInfinity;
                double total = full.Sum(state => Math.Exp((double)lse[(state * rows) + row])), expectedLse = Math.Log(total);
                if (full.Length == 0 ? !float.IsNegativeInfinity(merged.Lse[row]) : !IsNear(merged.Lse[row], expectedLse, 1e-5))
                {
                    return $"the LSE of row {row} is {merged.Lse[row]}, expected {expectedLse}";
                }

                for (int d = 0; d < dim; d++)
                {
                    // Without its own sink a state's output is O·(1 + e^(sink − LSE)).
                    double sum = full.Sum(
                        state => (Math.Exp((double)lse[(state * rows) + row]) + Math.Exp(sink)) * Elements.ToFloat(
                            outputs[(((state * rows) + row) * dim) + d]));
                    double expected = full.Length == 0 ? 0 : sum / (total + Math.Exp(sink)), actual = Elements.ToFloat(
                        merged.Outputs[(row * dim) + d]);
                    if (!IsNear(actual, expected, tolerance))
                    {
                        return $"output {d} of row {row} is {actual}, expected {expected}";
                    }
                }
            }

            return null;
        }
    }

    private static bool IsNear(double actual, double expected, double tolerance) => actual.Equals(expected)
        || Math.Abs(actual - expected) <= tolerance * Math.Max(1, Math.Abs(expected));
}
