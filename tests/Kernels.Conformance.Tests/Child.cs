using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>This assembly as a process of its own, under another driver.</summary>
internal static class Child
{
    // The first reads what another work-item of the group writes, without a barrier between; the second copies anything.
    private static ReadOnlySpan<byte> Faulty => """
        kernel void racy(global float* data)
        {
            local float shared_value[2];
            int i = (int)get_local_id(0);
            shared_value[i] = data[i];
            data[i] = shared_value[1 - i];
        }

        kernel void copy(global const float* from, global float* to) { to[get_global_id(0)] = from[get_global_id(0)]; }
        """u8;

    public static int Main(string[] arguments)
    {
        using ComputeDevice device = ComputeDevice.Open(options: new() { ProgramCache = new() { UseDisk = false } });
        Console.WriteLine($"device: {device.Info}");
        switch (arguments)
        {
            case ["tiny", string target]:
                return RunTiny(device, Enum.Parse<KernelTarget>(target));
            case ["racy"]:
                RunRacy(device);
                return 0;
            case ["unwritten"]:
                CopyUnwritten(device);
                return 0;
            default:
                Console.Error.WriteLine("tiny TARGET | racy | unwritten");
                return 2;
        }
    }

    private static int RunTiny(ComputeDevice device, KernelTarget target)
    {
        var runner = new CaseRunner(device, target, poisons: false);
        int failed = 0;
        var held = new List<DeviceBuffer>();
        foreach (AttentionCase test in TinyCases())
        {
            // Oclgrind 21.10 keeps what it knew of a released buffer for the next in its place: these take the places.
            held.AddRange(Enumerable.Range(0, 64).Select(_ => device.Allocate<byte>(1)));
            CaseResult result = runner.Run(test);
            Console.WriteLine($"{test}: {result.Failure ?? "passed"}");
            failed += result.Failure is null ? 0 : 1;
        }

        return failed;
    }

    /// <summary>Cases as small as an interpreter needs, in which every kernel runs: append, a prompt, single tokens, and split keys that are merged.</summary>
    private static IEnumerable<AttentionCase> TinyCases()
    {
        (int, int)[] lengths = [(19, 23), (1, 9), (3, 0)], split = [(1, 600)];
        int seed = 1;
        foreach (ElementType type in new[] { ElementType.Float32, ElementType.Float16, ElementType.BFloat16 })
        {
            AttentionShape shape = CaseMatrix.Shape(2, 1, 9, 11, AttentionMask.Causal, type, type, KvLayout.Hnd);
            yield return new(shape, lengths, seed++);
            yield return new(shape with { PageSize = 5 }, lengths, seed++);
        }

        // Each codec, and what a launch can give.
        (int, int)[] few = [(9, 11), (1, 7)];
        AttentionShape plain = CaseMatrix.Shape(2, 1, 16, 16, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        yield return new(plain with { CacheStorage = ElementType.Int8 }, few, seed++);
        yield return new(plain with { CacheStorage = ElementType.Int4, PageSize = 5 }, few, seed++);
        yield return new(plain with { CacheStorage = ElementType.Float8E4M3 }, few, seed++);
        yield return new(plain with { Documents = true, KeyPadding = true, Bias = true }, few, seed++);
        yield return new(
            CaseMatrix.Shape(3, 1, 12, 8, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
                with { LatentCache = true, Rope = RopeStyle.Interleaved, RotaryDim = 4 },
            few, seed++);

        AttentionShape wide = CaseMatrix.Shape(1, 1, 8, 8, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        yield return new(wide, split, seed++);
        yield return new(wide with { PageSize = 16, Sinks = true }, split, seed++);
    }

    private static void RunRacy(ComputeDevice device)
    {
        using ComputeProgram program = device.Programs.GetOrBuild(Faulty);
        using ComputeKernel kernel = program.CreateKernel("racy");
        using DeviceBuffer<float> data = device.Upload<float>([1f, 2f]);
        device.Queue.Enqueue(kernel.Set(0, data), new NDRange(2), new NDRange(2)).Dispose();
        device.Queue.Finish();
    }

    private static void CopyUnwritten(ComputeDevice device)
    {
        using ComputeProgram program = device.Programs.GetOrBuild(Faulty);
        using ComputeKernel kernel = program.CreateKernel("copy");
        using DeviceBuffer<float> from = device.Allocate<float>(2), to = device.Allocate<float>(2);
        device.Queue.Enqueue(kernel.Set(0, from).Set(1, to), new NDRange(2), new NDRange(2)).Dispose();
        device.Queue.Finish();
    }
}
