using Kernels.Conformance.Tests.Mods;
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
        using ComputeDevice device = ComputeDevice.Open(
            options: new() { Tuning = TuningMode.Off, ProgramCache = new() { UseDisk = false } });
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
            case ["divisions", string target]:
                return RunDivisions(device, Enum.Parse<KernelTarget>(target));
            case ["numbers"]:
                return RunNumbers(device);
            default:
                Console.Error.WriteLine("tiny TARGET | racy | unwritten | divisions TARGET | numbers");
                return 2;
        }
    }

    /// <summary>Oclgrind 21.10 keeps what it knew of a released buffer for the next in its place: these take the places.</summary>
    private static void TakePlaces(ComputeDevice device, List<DeviceBuffer> held) =>
        held.AddRange(Enumerable.Range(0, 64).Select(_ => device.Allocate<byte>(1)));

    private static int RunTiny(ComputeDevice device, KernelTarget target)
    {
        var runner = new CaseRunner(device, target, poisons: false);
        int failed = 0;
        var held = new List<DeviceBuffer>();
        foreach (AttentionCase test in TinyCases())
        {
            TakePlaces(device, held);
            CaseResult result = runner.Run(test);
            Console.WriteLine($"{test}: {result.Failure ?? "passed"}");
            failed += result.Failure is null ? 0 : 1;
        }

        TakePlaces(device, held);
        failed += MergesStates(device, target) ? 0 : 1;
        TakePlaces(device, held);
        return failed + (LeavesOutTiles(device, target) ? 0 : 1);
    }

    /// <summary>
    /// Cases as small as an interpreter needs, in which every kernel runs: append, a prompt, single tokens, and split keys that are merged.
    /// </summary>
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
        yield return new(
            CaseMatrix.Shape(3, 1, 142, 128, AttentionMask.Causal, ElementType.Float32, ElementType.Float8E4M3, KvLayout.Hnd)
                with { LatentCache = true, Rope = RopeStyle.HalfSplit, RotaryDim = 14, PageSize = 5 },
            few, seed++);

        AttentionShape wide = CaseMatrix.Shape(1, 1, 8, 8, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        yield return new(wide, split, seed++);
        yield return new(wide with { PageSize = 16, Sinks = true }, split, seed++);

        // Rows that are calculated again.
        yield return new(plain, few, seed++) { Poison = new(PoisonPlace.Value, PoisonKind.NaN) };
        yield return new(plain with { CacheStorage = ElementType.Int8, Sinks = true }, few, seed++)
        {
            Poison = new(PoisonPlace.Value, PoisonKind.Infinity),
        };
        yield return new(plain with { PageSize = 5, Rope = RopeStyle.HalfSplit, RotaryDim = 16 }, few, seed++)
        {
            Poison = new(PoisonPlace.Key, PoisonKind.NaN),
        };
        yield return new(plain with { Documents = true, KeyPadding = true, Bias = true }, few, seed++)
        {
            Poison = new(PoisonPlace.Value, PoisonKind.NaN),
        };
        yield return new(wide, [(1, 600)], seed++) { Poison = new(PoisonPlace.Value, PoisonKind.NaN) };
    }

    /// <summary>The merge kernel, on states of which one saw no key.</summary>
    private static bool MergesStates(ComputeDevice device, KernelTarget target)
    {
        const int states = 3, tokens = 2, heads = 2, dim = 8, rows = tokens * heads;
        AttentionShape shape = CaseMatrix.Shape(
            heads, 1, dim, dim, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(device, RuntimeSpec.Describe(shape), target);
        float[] outputs = [.. Enumerable.Range(0, states * rows * dim).Select(i => (i % 7) - 3f)];
        float[] lse = [.. Enumerable.Range(0, states * rows).Select(i => i == 5 ? float.NegativeInfinity : i / 4f)];
        using DeviceBuffer<float> from = device.Upload<float>(outputs), fromLse = device.Upload<float>(lse);
        using DeviceBuffer<float> to = device.Allocate<float>(rows * dim), toLse = device.Allocate<float>(rows);
        launcher.EnqueueMergeStates(new(from, fromLse, states, tokens), to, toLse).Dispose();
        float[] merged = new float[rows * dim];
        device.Queue.Read(to, merged.AsSpan());
        bool right = Enumerable.Range(0, rows * dim).All(i =>
        {
            double[] weights = [.. Enumerable.Range(0, states).Select(state => Math.Exp(lse[(state * rows) + (i / dim)]))];
            double expected = weights.Select((weight, state) => weight * outputs[(state * rows * dim) + i]).Sum() / weights.Sum();
            return Math.Abs(expected - merged[i]) <= 1e-5;
        });
        Console.WriteLine($"merge: {(right ? "passed" : "wrong")}");
        return right;
    }

    /// <summary>The kernel that classifies tiles, and kernels that leave out those that a mask hides.</summary>
    private static bool LeavesOutTiles(ComputeDevice device, KernelTarget target)
    {
        const int queries = 12, keys = 300;
        using var attention = new NarrowWindow(device, target);
        var inputs = new NarrowWindow.Inputs { Left = 3 };
        using KvCache<NarrowWindow> cache = attention.CreateCache(1, keys);
        SequenceHandle[] s = cache.AddSequences(1);
        using AttentionPlan<NarrowWindow> plan = attention.CreatePlan();
        cache.Extend(s[0], keys);
        plan.Build(cache, [new(s[0], keys, keys)]);
        float[] rows = [.. Enumerable.Range(0, keys * NarrowWindow.HeadDim).Select(i => (i % 11 / 10f) - 0.5f)];
        using DeviceBuffer<float> stored = device.Upload<float>(rows);
        attention.EnqueueAppend(plan, cache, 0, stored, stored).Dispose();
        plan.Build(cache, [new(s[0], queries, keys)]);
        using DeviceBuffer<float> asked = device.Upload<float>(rows.AsSpan(0, queries * NarrowWindow.QueryHeads * NarrowWindow.HeadDim));
        using DeviceBuffer<float> first = device.Allocate<float>(queries * NarrowWindow.QueryHeads * NarrowWindow.HeadDim),
            second = device.Allocate<float>(first.Length);
        float[] without = Attend(first, inputs);
        using BlockMask<NarrowWindow> mask = attention.CreateBlockMask(plan, inputs);
        bool right = mask.Count().Empty > 0 && without.AsSpan().SequenceEqual(Attend(second, new() { Left = 3, BlockMask = mask }));
        Console.WriteLine($"block mask: {(right ? "passed" : "wrong")}");
        return right;

        float[] Attend(DeviceBuffer<float> to, NarrowWindow.Inputs given)
        {
            float[] outputs = new float[to.Length];
            attention.EnqueueAttend(plan, cache, 0, asked, to, given).Dispose();
            device.Queue.Read(to, outputs.AsSpan());
            return outputs;
        }
    }

    /// <summary>A mod that divides by zero, in a process in which nothing else has built a program.</summary>
    private static int RunDivisions(ComputeDevice device, KernelTarget target)
    {
        const int least = int.MinValue;
        using var attention = new DividedScores(device, target);
        CaseResult result = CaseRunner.Run(
            new AttentionCase(DividedScores.Descriptor.Shape, [(70, 70)], Seed: 1),
            GeneratedKernels.Contiguous<DividedScores, float>(attention, _ => new DividedScores.Inputs { Least = least }),
            new() { ScoreMod = (score, batch, head, query, key) => DividedScores.Documented(score, query, key, least) });
        Console.WriteLine($"divisions: {result.Failure ?? "as documented"}");
        try
        {
            Console.WriteLine(DividedScores.Divided(0, 0, 0, 0, 0, least));
            return 1;
        }
        catch (DivideByZeroException)
        {
            return 0;
        }
    }

    /// <summary>Numbers that are not, in each tensor of each type.</summary>
    private static int RunNumbers(ComputeDevice device)
    {
        int failed = 0;
        foreach ((ElementType type, AttentionTensor tensor) in NumberCheckRun.TypesAndTensors)
        {
            string? fault = NumberCheckRun.Of(type).Fault(device, tensor);
            Console.WriteLine($"{tensor} in {type}: {fault ?? "as expected"}");
            failed += fault is null ? 0 : 1;
        }

        return failed;
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
