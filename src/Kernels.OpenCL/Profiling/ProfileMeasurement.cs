using System.Diagnostics;

namespace Kernels.OpenCL;

/// <summary>Runs the kernels of <see cref="ProfileKernels"/> in the launch shape that suits the device.</summary>
internal sealed class ProfileMeasurement : IDisposable
{
    // Fewer where a device is so slow that they take longer than this.
    private const int Launches = 9;
    private const int FewestLaunches = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private const long GpuBytes = 2L << 30;
    private const long CpuBytes = 512L << 20;

    // Long enough that a launch's own cost, and the clock's steps, do not count.
    private const long EnoughNanoseconds = 20_000_000;

    private const string ProgramName = "DeviceProfile";

    // Of read_and_multiply.
    private const double FlopsPerByte = 8;

    private readonly ComputeDevice device;
    private readonly ComputeQueue queue;
    private readonly bool vectors;
    private readonly NDRange local;

    public ProfileMeasurement(ComputeDevice device)
    {
        this.device = device;
        DeviceCapabilities capabilities = device.Capabilities;

        // As for the choice of kernels: a CPU with scalar lanes makes its vectors out of work-items.
        vectors = capabilities.Kind == DeviceKind.Cpu && capabilities.NativeVectorWidthFloat > 1;
        local = vectors ? 1 : Math.Min(256, capabilities.MaxWorkGroupSize);
        queue = device.CreateQueue(profiling: true);
    }

    /// <summary>
    /// Bytes a second that are read, operations a second, and the part of the shorter of both that hides behind the longer.
    /// </summary>
    public (double Read, double MultiplyAdd, double Overlap) ReadAndMultiply()
    {
        // A few pieces for each core let a late core's work go to others; a GPU takes enough work-groups to keep its loads in flight.
        NDRange global = Items(vectors ? 4 : 32);
        NDRange chains = Items(vectors ? 4 : 16);
        long bytes = BufferBytes();
        int vectorBytes = vectors ? 64 : 16;
        long multiple = 4L * (long)global.Count;
        long count = Math.Max(1, bytes / vectorBytes / multiple) * multiple;
        using DeviceBuffer<float> data = device.Allocate<float>(count * vectorBytes / sizeof(float));
        using DeviceBuffer<float> sums = device.Allocate<float>((long)Math.Max(global.Count, chains.Count));
        queue.SubmitFill(data, 1f, 0, data.Length);
        using ComputeKernel read = Kernel(Source, "read_linear");
        using ComputeKernel multiply = Kernel(Source, "multiply_add");
        using ComputeKernel both = Kernel(Source, "read_and_multiply");
        read.Set(0, data).Set(1, (int)count).Set(2, sums);

        // The chains move towards 1, away from numbers that a processor treats differently.
        multiply.Set(0, 0.75f).Set(1, 0.25f).Set(3, sums);
        int rounds = EnoughRounds(multiply, 2, chains);

        // Vectors of 16-bit elements are half as long as those of read_linear.
        both.Set(0, data).Set(1, checked((int)(vectors ? 2 * count : count))).Set(2, 0.25f).Set(3, sums);
        double[] seconds = Seconds((read, global), (multiply, chains), (both, global));
        double bandwidth = data.ByteLength / seconds[0];
        double flops = (vectors ? 512.0 : 32.0) * rounds * chains.Count / seconds[1];
        return (bandwidth, flops, Overlap(seconds[0], FlopsPerByte * data.ByteLength / flops, seconds[2]));
    }

    /// <summary>
    /// Operations a second of matrix units by the fastest instruction that the device's driver assembles, and that instruction.
    /// </summary>
    public (double Flops, string Instruction) TensorMultiply()
    {
        if (device.Capabilities.NvidiaComputeCapability == Sm90Assembly.ComputeCapability && device.Sm90Refusal.Length == 0)
        {
            using ComputeProgram products = Sm90Assembly.GetOrBuild(device.Programs, ProfileKernels.WarpGroupProducts, ProgramName);
            using ComputeKernel groups = products.CreateKernel("tensor_multiply");
            return (TensorMultiply(groups, groupsPerUnit: 1, flopsOfItem: 16384), "wgmma");
        }

        using ComputeKernel warps = Kernel(ProfileKernels.WarpProducts, "tensor_multiply");
        return (TensorMultiply(warps, groupsPerUnit: 4, flopsOfItem: 1024), "mma.sync");
    }

    public void Dispose() => queue.Dispose();

    private ReadOnlySpan<byte> Source => vectors ? ProfileKernels.Vectors : ProfileKernels.WorkItems;

    private NDRange Items(int groupsPerUnit) => new((nuint)(device.Capabilities.ComputeUnits * groupsPerUnit) * local.X);

    private long BufferBytes()
    {
        DeviceCapabilities capabilities = device.Capabilities;
        long wanted = capabilities.Kind == DeviceKind.Cpu ? CpuBytes : GpuBytes;
        return Math.Min(wanted, Math.Min(capabilities.MaxAllocationBytes, capabilities.GlobalMemoryBytes / 4));
    }

    /// <param name="kernel">Takes a seed, a number of rounds and a buffer of a float for each work-item.</param>
    /// <param name="groupsPerUnit">Work-groups for each multiprocessor.</param>
    /// <param name="flopsOfItem">Operations of a work-item in a round.</param>
    private double TensorMultiply(ComputeKernel kernel, int groupsPerUnit, double flopsOfItem)
    {
        NDRange global = Items(groupsPerUnit);
        using DeviceBuffer<float> sums = device.Allocate<float>((long)global.Count);
        kernel.Set(0, 1u).Set(2, sums);
        int rounds = EnoughRounds(kernel, 1, global);
        return flopsOfItem * rounds * global.Count / Seconds((kernel, global))[0];
    }

    private ComputeKernel Kernel(ReadOnlySpan<byte> source, string name)
    {
        using ComputeProgram program = device.Programs.GetOrBuildOwn(source, name: ProgramName);
        return program.CreateKernel(name);
    }

    /// <summary>Sets an argument, the number of rounds, so that a launch takes long enough.</summary>
    private int EnoughRounds(ComputeKernel kernel, int argument, NDRange global)
    {
        int rounds = 256;
        while (true)
        {
            kernel.Set(argument, rounds);
            if (Launch(kernel, global) >= EnoughNanoseconds || rounds >= 1 << 24)
            {
                return rounds;
            }

            rounds *= 2;
        }
    }

    /// <summary>
    /// The part of the shorter of two times that is not seen in the time of both together: 1 where the longer is all that is seen.
    /// </summary>
    internal static double Overlap(double reading, double arithmetic, double together) =>
        Math.Clamp((reading + arithmetic - together) / Math.Min(reading, arithmetic), 0, 1);

    /// <summary>Median times of kernels that run in turns, so that what else the machine does meets all of them.</summary>
    private double[] Seconds(params ReadOnlySpan<(ComputeKernel Kernel, NDRange Global)> kernels)
    {
        var times = new List<long>[kernels.Length];

        // The first launches finish the build, and bring the clocks up.
        for (int k = 0; k < kernels.Length; k++)
        {
            times[k] = [];
            _ = Launch(kernels[k].Kernel, kernels[k].Global);
        }

        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < Launches && (i < FewestLaunches || Stopwatch.GetElapsedTime(begin) < Patience); i++)
        {
            for (int k = 0; k < kernels.Length; k++)
            {
                times[k].Add(Launch(kernels[k].Kernel, kernels[k].Global));
            }
        }

        var medians = new double[kernels.Length];
        for (int k = 0; k < medians.Length; k++)
        {
            times[k].Sort();
            medians[k] = Math.Max(1, times[k][times[k].Count / 2]) * 1e-9;
        }

        return medians;
    }

    private long Launch(ComputeKernel kernel, NDRange global)
    {
        using ComputeEvent launch = queue.Enqueue(kernel, global, local);
        return launch.GetTimes().ElapsedNanoseconds;
    }
}
