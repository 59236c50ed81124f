using Kernels.Decoding;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// Linear layers of experts by tensor cores against double precision: slots alone, in tiles of few and of many, and experts without any.
/// </summary>
/// <param name="Format">The weights' format.</param>
/// <param name="Experts">Experts.</param>
/// <param name="PerToken">Experts of a token.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Rows">Outputs of an expert.</param>
internal sealed record TensorExpertCheck(WeightFormat Format, int Experts, int PerToken, int Tokens, int Columns, int Rows)
{
    private static readonly WeightFormat[] Formats =
    [
        WeightFormat.BFloat16, WeightFormat.Float16, WeightFormat.Mxfp4, WeightFormat.Fp8(128),
        new(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8),
        new(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true),
    ];

    private static readonly (int Experts, int PerToken, int Tokens, int Columns, int Rows)[] Sizes =
    [
        (8, 2, 1, 72, 96), (32, 4, 1, 2880, 136), (16, 4, 4, 264, 60), (8, 2, 30, 200, 160), (200, 8, 20, 64, 70), (4, 2, 300, 136, 200),
        (40, 4, 150, 72, 136), (8, 1, 1200, 72, 40),
    ];

    /// <summary>Every check.</summary>
    public static IEnumerable<TensorExpertCheck> All =>
        from format in Formats
        from size in Sizes
        let columns = format.Scale == WeightScale.Coded ? 256 : size.Columns
        select new TensorExpertCheck(format, size.Experts, size.PerToken, size.Tokens, columns, size.Rows);

    /// <summary>Runs it.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Run(ComputeDevice device)
    {
        using var kernels = new LayerKernels(device);
        var random = new Random(HashCode.Combine((int)Format.Code, Experts, PerToken, Tokens, Columns, Rows));
        float[] Values(long count, float size) =>
            [.. Enumerable.Range(0, checked((int)count)).Select(_ => ((random.NextSingle() * 2) - 1) * size)];
        (WeightMatrix rowMajor, Func<int, int, double> weight) = Matrices(device, random, Values);
        int slots = Tokens * PerToken;

        // The second half of the experts is chosen seldom, and the last one never.
        int[] chosen =
            [.. Enumerable.Range(0, Tokens).SelectMany(t => Enumerable.Range(0, Math.Max(PerToken, t % 3 == 0 ? Experts - 1 : Experts / 2))
            .OrderBy(_ => random.Next()).Take(PerToken))];
        float[] bias = Values((long)Experts * Rows, 1), x = Values((long)Tokens * Columns, 1), each = Values((long)slots * Columns, 1);
        using DeviceBuffer<float> xs = device.Upload<float>(x), eachs = device.Upload<float>(each), biases = device.Upload<float>(bias);
        using DeviceBuffer<int> experts = device.Upload<int>(chosen);
        using DeviceBuffer<float> y = device.Upload<float>([.. Enumerable.Repeat(float.NaN, slots * Rows)]);
        using WeightMatrix matrix = kernels.Arrange(rowMajor);
        if (matrix.Layout != (Format.HasGroups ? WeightLayout.Strips : WeightLayout.Blocks))
        {
            return "is not as tensor cores have it";
        }

        kernels.ExpertLinear(xs, matrix, biases, experts, Experts, y, slots, slotsPerRow: PerToken);
        string? wrong = TensorSums.Compare(
            "of tokens", Read(device, y), Rows, (s, r) => Sum(x, s / PerToken, s, r, bias[(chosen[s] * Rows) + r]));
        kernels.ExpertLinear(eachs, matrix, bias: null, experts, Experts, y, slots, slotsPerRow: 1, again: true);
        wrong ??= TensorSums.Compare("of slots", Read(device, y), Rows, (s, r) => Sum(each, s, s, r, 0));
        if (!kernels.GatesExperts(matrix, slots))
        {
            return wrong;
        }

        kernels.ExpertLinear(xs, matrix, biases, experts, Experts, y, slots, slotsPerRow: PerToken, again: false, Activation.Silu);
        return wrong ?? TensorSums.Compare("gated", Read(device, y)[..(slots * (Rows / 2))], Rows / 2, (s, r) =>
        {
            (double gate, double gateSize) = Sum(x, s / PerToken, s, r, bias[(chosen[s] * Rows) + r]);
            (double value, double valueSize) = Sum(x, s / PerToken, s, (Rows / 2) + r, bias[(chosen[s] * Rows) + (Rows / 2) + r]);
            double open = gate / (1 + Math.Exp(-gate));
            return (open * value, (gateSize * Math.Abs(value) * 1.1) + (Math.Abs(open) * valueSize) + 1e-6);
        });

        (double Value, double Size) Sum(float[] input, int row, int slot, int r, double start)
        {
            double sum = start, size = Math.Abs(start);
            for (int i = 0; i < Columns; i++)
            {
                double product = input[(row * Columns) + i] * weight((chosen[slot] * Rows) + r, i);
                sum += product;
                size += Math.Abs(product);
            }

            // Many slots are multiplied in one part.
            return (sum, size * (slots > 256 ? 1.0 / 240 : Format.HasMinimum ? 16.0 / (1 << 15) : 1.0 / (1 << 15)));
        }
    }

    private (WeightMatrix Matrices, Func<int, int, double> Weight) Matrices(
        ComputeDevice device, Random random, Func<long, float, float[]> values)
    {
        if (Format.HasGroups)
        {
            var made = new GroupedMatrix(Format, Rows, Columns, Experts, random, poison: false);
            return (WeightMatrix.From(device.Upload<byte>(made.Bytes), Format, Experts * Rows, Columns, WeightLayout.RowMajor, Experts),
                (r, c) => made.Weights[r, c]);
        }

        float[] all = values((long)Experts * Rows * Columns, 1);
        if (Format == WeightFormat.Float16)
        {
            Half[] halves = [.. all.Select(v => (Half)v)];
            return (WeightMatrix.From(device.Upload<Half>(halves), Experts * Rows, Columns, count: Experts), (
                r, c) => (double)halves[(r * Columns) + c]);
        }

        BFloat16[] rounded = [.. all.Select(v => (BFloat16)v)];
        return (WeightMatrix.From(device.Upload<BFloat16>(rounded), Experts * Rows, Columns, count: Experts), (
            r, c) => (float)rounded[(r * Columns) + c]);
    }

    private static float[] Read(ComputeDevice device, DeviceBuffer<float> buffer)
    {
        var values = new float[buffer.Length];
        device.Queue.Read(buffer, values);
        return values;
    }
}
