using System.Collections.Immutable;
using System.Diagnostics;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Measures the kernels around attention at the sizes of a model of some billions of weights.</summary>
internal sealed class LayerBenchmark : IDisposable
{
    private const int MostTokens = 512;
    private const int MostTokensOfGpus = 4096;
    private const int HeadDim = 128;
    private const int Runs = 15;

    // Read in turn, so that none is in a cache when it is read again.
    private const int Matrices = 4;

    private static readonly ImmutableArray<WeightFormat> Quantised =
    [
        new(WeightCode.Int8, 32, WeightScale.Float16), new(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8),
        new(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true), WeightFormat.Mxfp4,
    ];

    private readonly ComputeDevice device;

    // Launches between two waits, so that a GPU is not waited for more than it works.
    private readonly int repeats;
    private readonly int mostTokens;
    private readonly int rows;
    private readonly int columns;
    private readonly LayerKernels kernels;
    private readonly DeviceBuffer<float> input;
    private readonly DeviceBuffer<float> output;
    private readonly DeviceBuffer<float> weight;
    private readonly DeviceBuffer<int> positions;
    private readonly RotaryTable turns;

    /// <param name="device">The device; nothing else should run on it.</param>
    /// <param name="rows">Outputs of a linear layer, at least as many as its inputs.</param>
    /// <param name="columns">Inputs of a linear layer, and elements of a norm; whole heads of 128.</param>
    public LayerBenchmark(ComputeDevice device, int rows = 14336, int columns = 4096)
    {
        this.device = device;
        bool cpu = device.Capabilities.Kind == DeviceKind.Cpu;
        repeats = cpu ? 1 : 10;
        mostTokens = cpu ? MostTokens : MostTokensOfGpus;
        this.rows = rows;
        this.columns = columns;
        kernels = new LayerKernels(device);
        input = Filled((long)mostTokens * 2 * rows, 0.01f);
        output = Filled((long)mostTokens * rows, 0f);
        weight = Filled(columns, 1f);
        positions = device.Upload<int>(new int[MostTokens]);
        turns = RotaryTable.Create(device, new RopeConfig { RotaryDim = HeadDim, Theta = 10000 }, positions: 1);
    }

    /// <summary>Measures all, one after the other.</summary>
    public IEnumerable<KernelSpeed> Run()
    {
        foreach ((int outputs, int inputs) in ((int, int)[])[(rows, columns), (columns, rows)])
        {
            foreach (KernelSpeed speed in Linear(WeightFormat.Float16, outputs, inputs)
                .Concat(Linear(WeightFormat.BFloat16, outputs, inputs)))
            {
                yield return speed;
            }
        }

        foreach (KernelSpeed speed in Quantised.Where(format => format.Fits(columns)).SelectMany(format => Linear(format, rows, columns)))
        {
            yield return speed;
        }

        double vector = 2.0 * sizeof(float) * columns;
        foreach (int tokens in (int[])[1, MostTokens])
        {
            string size = $"{tokens} × {columns}";
            yield return new("rms norm", size, Median(_ => kernels.RmsNorm(input, weight, output, tokens, 1e-5)), vector * tokens, 0);
            yield return new(
                "rope", size,
                Median(
                    _ => kernels.Rope(
                        input, HeadSlice.Packed(columns / HeadDim, HeadDim), output, positions, turns, RopePairs.HalfSplit, tokens)),
                vector * tokens, 0);
            yield return new(
                "gate, silu", size, Median(_ => kernels.GateHalves(input, output, Activation.Silu, columns, tokens)),
                1.5 * vector * tokens, 0);
        }
    }

    /// <summary>Frees the kernels and what they work on.</summary>
    public void Dispose()
    {
        turns.Dispose();
        positions.Dispose();
        weight.Dispose();
        output.Dispose();
        input.Dispose();
        kernels.Dispose();
    }

    private IEnumerable<KernelSpeed> Linear(WeightFormat format, int outputs, int inputs)
    {
        // Bytes of numbers in every type, none of which is 0, infinite or as small as that it takes longer.
        WeightLayout layout = kernels.LayoutOf(format, inputs);
        WeightMatrix[] matrices =
        [
            .. Enumerable.Range(0, Matrices).Select(_ => kernels.Arrange(
                WeightMatrix.From(Filled(format.MatrixBytes(outputs, inputs, layout), (byte)0x3c), format, outputs, inputs, layout))),
        ];
        foreach (int tokens in ((int[])[1, 2, 4, 8, 16, 32, 64, MostTokens, MostTokensOfGpus]).Where(tokens => tokens <= mostTokens))
        {
            double seconds = Median(run => kernels.Linear(input, matrices[run % Matrices], null, output, tokens));
            yield return new(
                $"linear, {Name(format)}", $"{tokens} × {inputs} → {outputs}", seconds,
                matrices[0].ByteLength + ((double)sizeof(float) * tokens * (outputs + inputs)), 2.0 * tokens * outputs * inputs)
            {
                OnTensorCores = matrices[0].Layout.IsOfTensorCores,
            };
        }

        foreach (WeightMatrix matrix in matrices)
        {
            matrix.Dispose();
        }
    }

    private static string Name(WeightFormat format) => Quantised.IndexOf(format) switch
    {
        0 => "Q8_0",
        1 => "Q4_0",
        2 => "Q4_K",
        _ => format.HasGroups ? format.ToString() : format.Type.ToString(),
    };

    private double Median(Action<int> launch)
    {
        var seconds = new double[Runs];
        for (int run = -1; run < Runs; run++)
        {
            device.Queue.Finish();
            long begin = Stopwatch.GetTimestamp();
            for (int i = 0; i < repeats; i++)
            {
                launch(run + 1 + i);
            }

            device.Queue.Finish();
            if (run >= 0)
            {
                seconds[run] = Stopwatch.GetElapsedTime(begin).TotalSeconds / repeats;
            }
        }

        Array.Sort(seconds);
        return seconds[Runs / 2];
    }

    private DeviceBuffer<T> Filled<T>(long length, T value) where T : unmanaged
    {
        DeviceBuffer<T> buffer = device.Allocate<T>(length);
        device.Queue.SubmitFill(buffer, value, 0, length);
        return buffer;
    }
}
