namespace Kernels.OpenCL;

/// <summary>Runs the kernels of <see cref="ProfileKernels"/> in the launch shape that suits the device.</summary>
internal sealed class ProfileMeasurement : IDisposable
{
    private const int Launches = 9;
    private const long GpuBytes = 2L << 30;
    private const long CpuBytes = 512L << 20;

    // Long enough that a launch's own cost, and the clock's steps, do not count.
    private const long EnoughNanoseconds = 20_000_000;

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

    /// <summary>Bytes a second.</summary>
    public double Read()
    {
        // A few pieces for each core let a late core's work go to others; a GPU takes enough work-groups to keep its loads in flight.
        NDRange global = Items(vectors ? 4 : 32);
        long bytes = BufferBytes();
        int vectorBytes = vectors ? 64 : 16;
        long multiple = 4L * (long)global.Count;
        long count = Math.Max(1, bytes / vectorBytes / multiple) * multiple;
        using DeviceBuffer<float> data = device.Allocate<float>(count * vectorBytes / sizeof(float));
        using DeviceBuffer<float> sums = device.Allocate<float>((long)global.Count);
        queue.SubmitFill(data, 1f, 0, data.Length);
        using ComputeKernel kernel = Kernel(Source, "read_linear");
        kernel.Set(0, data).Set(1, (int)count).Set(2, sums);
        return data.ByteLength / Seconds(kernel, global);
    }

    /// <summary>Operations a second.</summary>
    public double MultiplyAdd()
    {
        NDRange global = Items(vectors ? 4 : 16);
        using DeviceBuffer<float> sums = device.Allocate<float>((long)global.Count);
        using ComputeKernel kernel = Kernel(Source, "multiply_add");

        // The chains move towards 1, away from numbers that a processor treats differently.
        kernel.Set(0, 0.75f).Set(1, 0.25f).Set(3, sums);
        int rounds = EnoughRounds(kernel, 2, global);
        return (vectors ? 512.0 : 32.0) * rounds * global.Count / Seconds(kernel, global);
    }

    /// <summary>Operations a second.</summary>
    public double TensorMultiply()
    {
        NDRange global = Items(4);
        using DeviceBuffer<float> sums = device.Allocate<float>((long)global.Count);
        using ComputeKernel kernel = Kernel(ProfileKernels.Tensor, "tensor_multiply");
        kernel.Set(0, 1u).Set(2, sums);
        int rounds = EnoughRounds(kernel, 1, global);
        return 32768.0 / 32 * rounds * global.Count / Seconds(kernel, global);
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

    private ComputeKernel Kernel(ReadOnlySpan<byte> source, string name)
    {
        using ComputeProgram program = device.Programs.GetOrBuild(source, name: "DeviceProfile");
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

    private double Seconds(ComputeKernel kernel, NDRange global)
    {
        // The first launch finishes the build, and brings the clocks up.
        _ = Launch(kernel, global);
        long[] times = new long[Launches];
        for (int i = 0; i < Launches; i++)
        {
            times[i] = Launch(kernel, global);
        }

        Array.Sort(times);
        return Math.Max(1, times[Launches / 2]) * 1e-9;
    }

    private long Launch(ComputeKernel kernel, NDRange global)
    {
        using ComputeEvent launch = queue.Enqueue(kernel, global, local);
        return launch.GetTimes().ElapsedNanoseconds;
    }
}
