using Kernels.Decoding;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// Linear layers of weights in groups by tensor cores against double precision: every format and kernel, with sizes off its tiles.
/// </summary>
/// <param name="Format">The weights' format.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Columns">Inputs.</param>
/// <param name="Rows">Outputs.</param>
/// <param name="Poison">Whether some weights are not numbers.</param>
internal sealed record TensorGroupCheck(WeightFormat Format, int Tokens, int Columns, int Rows, bool Poison = false)
{
    // Of sums of magnitudes: two parts of x have 16 bits; many tokens have 8, and their weights are rounded to as many.
    private const double Exact = 1.0 / (1 << 15);
    private const double Rounded = 1.0 / 120;

    private static readonly WeightFormat[] Formats =
    [
        WeightFormat.Fp8(128), WeightFormat.Fp8(32), WeightFormat.Mxfp4, new(WeightCode.Int8, 32, WeightScale.Float16),
        new(WeightCode.Int8, 16, WeightScale.Coded), new(WeightCode.Int8, 32, WeightScale.Coded, HasMinimum: true),
        new(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8), new(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true),
        new(WeightCode.Int4, 128, WeightScale.Float16, HasMinimum: true), new(WeightCode.Int8, 1 << 20, WeightScale.Float32),
    ];

    private static readonly (int Tokens, int Columns, int Rows)[] Sizes =
    [
        (1, 8, 16), (1, 4096, 1030), (1, 14344, 40), (2, 200, 26), (3, 72, 1000), (8, 2048, 512), (2, 2048, 8224), (9, 72, 100),
        (16, 1048, 264),
        (17, 64, 130), (32, 520, 1000), (33, 72, 64), (64, 1032, 300), (65, 72, 1000), (128, 4096, 128), (150, 520, 300), (800, 264, 200),
    ];

    /// <summary>Every check.</summary>
    public static IEnumerable<TensorGroupCheck> All =>
        from format in Formats
        from size in Sizes
        from poison in (bool[])[false, true]
        let columns = format.Scale == WeightScale.Coded ? (size.Columns + 255) / 256 * 256 : size.Columns
        where !poison || (size.Columns < 100 && format.Scale != WeightScale.Coded)
        select new TensorGroupCheck(format, size.Tokens, columns, size.Rows, poison);

    /// <summary>Runs it.</summary>
    /// <returns>What is wrong; null if nothing is.</returns>
    public string? Run(ComputeDevice device)
    {
        using var kernels = new LayerKernels(device);
        var random = new Random(HashCode.Combine((int)Format.Code, Format.Group, Tokens, Columns, Rows));
        float[] Values(long count, float size) =>
            [.. Enumerable.Range(0, checked((int)count)).Select(_ => ((random.NextSingle() * 2) - 1) * size)];
        var made = new GroupedMatrix(Format, Rows, Columns, 1, random, Poison);
        double[,] w = made.Weights;
        float[] x = Values((long)Tokens * Columns, 1), bias = Values(Rows, 1), before = Values((long)Tokens * Rows, 1),
            norm = Values(Columns, 1);
        using DeviceBuffer<float> xs = device.Upload<float>(x), biases = device.Upload<float>(bias), norms = device.Upload<float>(norm);
        using WeightMatrix matrix = kernels.Arrange(
            WeightMatrix.From(device.Upload<byte>(made.Bytes), Format, Rows, Columns, WeightLayout.RowMajor));
        if (!matrix.Layout.IsStrips)
        {
            return "is not in strips";
        }

        using DeviceBuffer<float> y = device.Upload<float>(before);
        kernels.Linear(xs, matrix, biases, y, Tokens, accumulate: true);
        string? wrong = TensorSums.Compare(
            "linear", Read(device, y), Rows, (t, r) => Sum(i => x[(t * Columns) + i], r, bias[r], before[(t * Rows) + r]));

        // With the norm before it, and through a gate.
        var root = new double[Tokens];
        for (int t = 0; t < Tokens; t++)
        {
            root[t] = Math.Sqrt(x.Skip(t * Columns).Take(Columns).Average(v => (double)v * v) + 1e-5);
        }

        (double Value, double Size) Normed(int t, int r) => Sum(i => x[(t * Columns) + i] * (double)norm[i] / root[t], r, bias[r], 0);
        kernels.LinearFused(xs, matrix, biases, y, Tokens, new RmsNorm(norms, 1e-5));
        wrong ??= TensorSums.Compare("normed", Read(device, y), Rows, Normed);
        if (kernels.Gates(matrix, Tokens))
        {
            kernels.LinearGated(xs, matrix, biases, y, Tokens, new RmsNorm(norms, 1e-5), Activation.Silu);
            wrong ??= TensorSums.Compare("gated", Read(device, y)[..(Tokens * Rows / 2)], Rows / 2, (t, r) =>
            {
                (double gate, double gateSize) = Normed(t, r);
                (double value, double valueSize) = Normed(t, (Rows / 2) + r);
                double open = gate / (1 + Math.Exp(-gate));
                return (open * value, (gateSize * Math.Abs(value) * 1.1) + (Math.Abs(open) * valueSize));
            });
        }

        // Inputs in bfloat16, and ones that a gate makes.
        BFloat16[] own = [.. Values((long)Tokens * Columns, 1).Select(v => (BFloat16)v)];
        using DeviceBuffer<BFloat16> owns = device.Upload<BFloat16>(own);
        kernels.LinearFused(owns, matrix, bias: null, y, Tokens);
        wrong ??= TensorSums.Compare("own type", Read(device, y), Rows, (t, r) => Sum(i => (float)own[(t * Columns) + i], r, 0, 0));
        float[] pairs = Values(2L * Tokens * Columns, 3);
        using DeviceBuffer<float> gates = device.Upload<float>(pairs);
        kernels.LinearFused(gates, matrix, bias: null, y, Tokens, gate: Activation.Silu);
        wrong ??= TensorSums.Compare("of gates", Read(device, y), Rows, (t, r) => Sum(
            i => pairs[(2 * t * Columns) + i] / (1 + Math.Exp(-pairs[(2 * t * Columns) + i])) * pairs[((2 * t) + 1) * Columns + i], r, 0,
            0));

        // Rows of the matrix, as an embedding.
        int[] ids = [.. Enumerable.Range(0, 7).Select(i => i * 5 % Rows)];
        using DeviceBuffer<int> chosen = device.Upload<int>(ids);
        using DeviceBuffer<float> rows = device.Allocate<float>(ids.Length * Columns);
        kernels.Embed(matrix, chosen, rows, ids.Length, scale: 2);
        return wrong ?? (Poison ? null : TensorSums.Compare(
            "embedding", Read(device, rows), Columns, (t, c) => (2 * w[ids[t], c], 1e-5 * Math.Abs(w[ids[t], c]))));

        (double Value, double Size) Sum(Func<int, double> input, int r, double start, double more)
        {
            double sum = start + more, size = Math.Abs(start) + Math.Abs(more);
            for (int i = 0; i < Columns; i++)
            {
                double product = input(i) * w[r, i];
                sum += product;
                size += Math.Abs(product);
            }

            // Minima and scaled codes may be far larger than their sum.
            return (sum, size * (Tokens > 64 ? Rounded : Format.HasMinimum ? 16 * Exact : Exact));
        }
    }

    private static float[] Read(ComputeDevice device, DeviceBuffer<float> buffer)
    {
        var values = new float[buffer.Length];
        device.Queue.Read(buffer, values);
        return values;
    }
}
