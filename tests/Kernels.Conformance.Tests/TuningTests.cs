using Kernels.Conformance.Tests.Mods;
using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// The choice among emitted tiles: every one is right, and the choice is measured when a prompt is long, kept, overridden and left alone as
/// asked. Which of them is the fastest, no test says.
/// </summary>
public sealed class TuningTests : IDisposable
{
    /// <summary>Tokens of a prompt that is measured for.</summary>
    private const int Long = 256;

    private static readonly AttentionShape Shape =
        new(8, 2, 40, 40, 0.3, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("kernels-tuning-");

    public void Dispose() => folder.Delete(recursive: true);

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu, 1)]
    [InlineData(KernelTarget.Cpu, 2)]
    [InlineData(KernelTarget.Portable, 1)]
    public void Every_variant_equals_the_reference(KernelTarget target, int variant)
    {
        using ComputeDevice device = Open(TuningMode.Off);
        AttentionShape[] shapes =
        [
            Shape,
            Shape with { PageSize = 16, CacheStorage = ElementType.Int8, Softcap = 20, WindowLeft = 50 },
            Shape with
            {
                QueryHeads = 16,
                KvHeads = 1,
                HeadDim = 72,
                ValueDim = 64,
                CacheStorage = ElementType.Float16,
                LatentCache = true,
                Mask = AttentionMask.None,
            },
        ];
        foreach (AttentionShape shape in shapes)
        {
            CaseResult result = new CaseRunner(device, target, variant: variant).Run(
                new AttentionCase(shape, [(1, 70), (37, 37), (90, 150)], Seed: 5));
            Assert.True(result.Failure is null, result.Failure);
        }
    }

    [SkippableFact]
    public void Off_never_measures()
    {
        using ComputeDevice device = Open(TuningMode.Off);
        device.Programs.SaveNote(device.Tuning.KeyOf(RuntimeSpec.Describe(Shape), KernelTarget.Cpu), [1]);
        TileChoice choice = Choose(device, Shape);
        Assert.Equal((0, TileChoiceReason.Planned), (choice.Variant, choice.Reason));
        Assert.Empty(choice.Milliseconds);
        Assert.Equal(0, device.Programs.Compilations);
    }

    [SkippableTheory]
    [InlineData(TuningMode.On)]
    [InlineData(TuningMode.Force)]
    public void A_deterministic_spec_keeps_its_tile(TuningMode mode)
    {
        AttentionShape shape = Shape with { Deterministic = true };
        using ComputeDevice device = Open(mode);
        device.Programs.SaveNote(device.Tuning.KeyOf(RuntimeSpec.Describe(shape), KernelTarget.Cpu), [1]);
        TileChoice choice = Choose(device, shape);
        Assert.Equal((0, TileChoiceReason.Deterministic), (choice.Variant, choice.Reason));
        Assert.Equal(0, device.Programs.Compilations);
    }

    [SkippableFact]
    public void Mods_with_inputs_keep_their_tile()
    {
        using ComputeDevice device = Open(TuningMode.On);
        using var attention = new WideWindow(device, KernelTarget.Cpu);
        using KvCache<WideWindow> cache = attention.CreateCache(1, Long);
        SequenceHandle[] s = cache.AddSequences(1);
        using AttentionPlan<WideWindow> plan = attention.CreatePlan();
        cache.Extend(s[0], Long);
        plan.Build(cache, [new(s[0], Long, Long)]);
        Assert.Equal((0, TileChoiceReason.NeedsInputs), (attention.Tuning.Variant, attention.Tuning.Reason));
        Assert.Equal(0, device.Programs.Compilations);
    }

    [SkippableTheory]
    [InlineData(TuningMode.On)]
    [InlineData(TuningMode.Force)]
    public void Nothing_is_measured_before_a_long_prompt(TuningMode mode)
    {
        using ComputeDevice device = Open(mode);
        using RuntimeKernels<float> kernels = Kernels(device);
        Assert.Equal((0, TileChoiceReason.NotYetMeasured), (kernels.Tuning.Variant, kernels.Tuning.Reason));
        Assert.Equal(0, device.Programs.Compilations);

        // It is the request that is long or not, not the step.
        using var loaded = Load(kernels, (255, 255), (200, 200));
        loaded.Plan();
        Assert.Null(loaded.Compare(loaded.Launch()).Failure);
        Assert.Equal(TileChoiceReason.NotYetMeasured, kernels.Tuning.Reason);
        Assert.Equal(2, device.Programs.Compilations); // append, and prefill with one tile
    }

    [SkippableTheory]
    [InlineData(TuningMode.On)]
    [InlineData(TuningMode.Force)]
    public void The_first_long_prompt_measures_and_runs_with_the_fastest(TuningMode mode)
    {
        using ComputeDevice device = Open(mode);
        using RuntimeKernels<float> kernels = Kernels(device);
        using var loaded = Load(kernels, (1, 70), (Long, Long));
        Assert.Equal(TileChoiceReason.NotYetMeasured, kernels.Tuning.Reason);
        AttentionPlan<RuntimeSpec> plan = loaded.Plan();
        TileChoice choice = kernels.Tuning;
        Assert.Equal(TileChoiceReason.Measured, choice.Reason);
        Assert.Equal(3, choice.Milliseconds.Count);
        Assert.Equal(choice.Milliseconds.Min(), choice.Milliseconds[choice.Variant]);
        Assert.Same(choice, plan.Tiles.Choice);
        Assert.Equal(choice.Tile, plan.Tiles.Geometry.Prefill);
        Assert.Null(loaded.Compare(loaded.Launch()).Failure);

        // Other layers of the same process, and later steps.
        using RuntimeKernels<float> other = Kernels(device);
        Assert.Same(choice, other.Tuning);
        loaded.Plan();
        Assert.Same(choice, kernels.Tuning);
    }

    [SkippableFact]
    public void A_step_that_only_appends_measures_nothing()
    {
        using ComputeDevice device = Open(TuningMode.On);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(device, RuntimeSpec.Describe(Shape), KernelTarget.Cpu);
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(1, 2 * Long, 1);
        SequenceHandle[] s = cache.AddSequences(1);
        float[] rows = new float[Long * Shape.KvHeads * Shape.HeadDim], queries = new float[Long * Shape.QueryHeads * Shape.HeadDim];
        launcher.Append(cache, s[0], rows, rows);
        Assert.Equal(TileChoiceReason.NotYetMeasured, launcher.Tuning.Reason);
        launcher.Prefill(cache, s[0], queries, rows, rows, new float[queries.Length]);
        Assert.Equal(TileChoiceReason.Measured, launcher.Tuning.Reason);
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu, 1)]
    [InlineData(KernelTarget.Cpu, 2)]
    [InlineData(KernelTarget.Portable, 1)]
    public void A_plan_stays_right_when_another_tile_is_chosen_after_it(KernelTarget target, int variant)
    {
        using ComputeDevice device = Open(TuningMode.On);
        using RuntimeKernels<float> kernels = Kernels(device, target);
        using var early = Load(kernels, (250, 250), (90, 150));
        using var late = Load(kernels, (Long, Long), (37, 37));
        AttentionPlan<RuntimeSpec> before = early.Plan();

        // Another process has measured.
        device.Programs.SaveNote(device.Tuning.KeyOf(RuntimeSpec.Describe(Shape), target), [(byte)variant]);
        AttentionPlan<RuntimeSpec> after = late.Plan();
        Assert.Equal((variant, TileChoiceReason.Stored), (kernels.Tuning.Variant, kernels.Tuning.Reason));
        Assert.Equal((0, variant), (before.Tiles.Choice.Variant, after.Tiles.Choice.Variant));
        Assert.Null(early.Compare(early.Launch()).Failure);
        Assert.Null(late.Compare(late.Launch()).Failure);
        Assert.Null(early.Compare(early.Launch()).Failure);

        early.Plan();
        Assert.Equal(variant, before.Tiles.Choice.Variant);
        Assert.Null(early.Compare(early.Launch()).Failure);
    }

    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_block_mask_serves_plans_of_either_tile(int variant)
    {
        using ComputeDevice device = Open(TuningMode.On);
        var attention = new CausalMod(device, KernelTarget.Cpu);
        using GeneratedKernels<CausalMod, float> kernels = GeneratedKernels.Contiguous<CausalMod, float>(attention);
        var mods = new ReferenceOptions { MaskMod = CausalMod.Visible };
        using var early = new LoadedCase<CausalMod, float>(
            new(CausalMod.Descriptor.Shape, [(250, 250), (90, 150)], Seed: 5), kernels, mods);
        using var late = new LoadedCase<CausalMod, float>(new(CausalMod.Descriptor.Shape, [(Long, Long)], Seed: 6), kernels, mods);
        AttentionPlan<CausalMod> plan = early.Plan();
        using BlockMask<CausalMod> mask = attention.CreateBlockMask(plan);
        TileCounts counts = mask.Count();

        device.Programs.SaveNote(device.Tuning.KeyOf(CausalMod.Descriptor, KernelTarget.Cpu), [(byte)variant]);
        AttentionPlan<CausalMod> longPlan = late.Plan();
        Assert.Equal((0, variant), (plan.Tiles.Choice.Variant, longPlan.Tiles.Choice.Variant));

        // The plan and the mask from before.
        Check(early);
        Assert.Equal(counts, mask.Count());

        // The same lengths again, with the other tile.
        early.Plan();
        Assert.True(mask.Fits(plan));
        Check(early);
        using BlockMask<CausalMod> afresh = attention.CreateBlockMask(plan);
        Assert.Equal(afresh.Count(), mask.Count());
        Assert.NotEqual(counts, mask.Count());

        Assert.False(mask.Fits(longPlan));
        mask.Build(longPlan);
        Check(late);

        void Check(LoadedCase<CausalMod, float> loaded)
        {
            kernels.BlockMask = null;
            Launched<float> without = loaded.Launch();
            kernels.BlockMask = mask;
            Launched<float> with = loaded.Launch();
            Assert.True(with.HasBitsOf(without), "the block mask changes bits");
            Assert.Null(loaded.Compare(with).Failure);
            Assert.True(mask.Count().Empty > 0);
        }
    }

    [SkippableFact]
    public void Long_prompts_of_several_launchers_at_once_measure_once()
    {
        using ComputeDevice device = Open(TuningMode.On);
        using RuntimeKernels<float> one = Kernels(device), other = Kernels(device);
        using var ofOne = Load(one, (Long, Long));
        using var ofOther = Load(other, (Long, Long));
        using var start = new Barrier(2);
        LaunchTiles[] tiles = new LaunchTiles[2];
        Parallel.Invoke(() => Plan(0, ofOne), () => Plan(1, ofOther));
        Assert.Equal(TileChoiceReason.Measured, tiles[0].Choice.Reason);
        Assert.Same(tiles[0], tiles[1]);
        Assert.Same(one.Tuning, other.Tuning);
        Assert.Null(ofOne.Compare(ofOne.Launch()).Failure);
        Assert.Null(ofOther.Compare(ofOther.Launch()).Failure);

        void Plan(int index, LoadedCase<RuntimeSpec, float> loaded)
        {
            start.SignalAndWait();
            tiles[index] = loaded.Plan().Tiles;
        }
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_a_launch_takes_it_can_be_measured(int index)
    {
        AttentionShape[] shapes =
        [
            Shape with { PageSize = 16, Sinks = true, Documents = true, KeyPadding = true, Bias = true },
            Shape with { Rope = RopeStyle.HalfSplit, RotaryDim = 16, CacheStorage = ElementType.Int8 },
            Shape with { Storage = ElementType.Float16, CacheStorage = ElementType.Float8E4M3, Alibi = true },
            Shape with
            {
                QueryHeads = 16,
                KvHeads = 1,
                HeadDim = 72,
                ValueDim = 64,
                CacheStorage = ElementType.Float16,
                LatentCache = true,
                PageSize = 16,
            },
        ];
        using ComputeDevice device = Open(TuningMode.On);
        TileChoice choice = shapes[index].Storage == ElementType.Float16
            ? Choose<Half>(device, shapes[index]) : Choose(device, shapes[index]);
        Assert.Equal(TileChoiceReason.Measured, choice.Reason);
    }

    [SkippableFact]
    public void A_tile_that_cannot_be_built_leaves_the_planners_choice()
    {
        AttentionDescriptor descriptor = RuntimeSpec.Describe(Shape);
        byte[] broken =
            [.. descriptor.Source(KernelTarget.Cpu, KernelAlgorithm.Prefill),
                .. "\n#if defined(VARIANT) && VARIANT == 2\n#error no such tile\n#endif\n"u8];
        using ComputeDevice device = Open(TuningMode.On);
        using var kernels = new RuntimeKernels<float>(
            device, descriptor with
            {
                Source = (target, algorithm) => algorithm == KernelAlgorithm.Prefill ? broken : descriptor.Source(target, algorithm),
            }, KernelTarget.Cpu);
        using var loaded = Load(kernels, (Long, Long));
        loaded.Plan();
        Assert.Equal((0, TileChoiceReason.NotMeasurable), (kernels.Tuning.Variant, kernels.Tuning.Reason));
        Assert.Null(loaded.Compare(loaded.Launch()).Failure);
    }

    [SkippableFact]
    public void What_was_measured_is_used_again_by_the_next_process()
    {
        int variant;
        using (ComputeDevice device = Open(TuningMode.On))
        {
            TileChoice choice = Choose(device, Shape);
            Assert.Equal(TileChoiceReason.Measured, choice.Reason);
            variant = choice.Variant;
        }

        // At once, without a prompt.
        using (ComputeDevice device = Open(TuningMode.On))
        {
            using RuntimeKernels<float> kernels = Kernels(device);
            Assert.Equal((variant, TileChoiceReason.Stored), (kernels.Tuning.Variant, kernels.Tuning.Reason));
            Assert.Same(kernels.Tuning, Choose(device, Shape));
            Assert.Equal(0, device.Programs.Compilations);
        }

        using (ComputeDevice device = Open(TuningMode.Force))
        {
            using RuntimeKernels<float> kernels = Kernels(device);
            Assert.Equal(TileChoiceReason.NotYetMeasured, kernels.Tuning.Reason);
            Assert.Equal(TileChoiceReason.Measured, Choose(device, Shape).Reason);
        }
    }

    [SkippableFact]
    public void What_was_kept_is_obeyed_unless_it_is_damaged()
    {
        AttentionDescriptor descriptor = RuntimeSpec.Describe(Shape);
        using (ComputeDevice device = Open(TuningMode.On))
        {
            device.Programs.SaveNote(device.Tuning.KeyOf(descriptor, KernelTarget.Cpu), [2]);
            using RuntimeKernels<float> kernels = Kernels(device);
            Assert.Equal((2, TileChoiceReason.Stored), (kernels.Tuning.Variant, kernels.Tuning.Reason));
            Assert.Equal(descriptor.Geometry(KernelTarget.Cpu).PrefillVariants[1], kernels.Tuning.Tile);
            using var loaded = Load(kernels, (Long, Long), (37, 37));
            loaded.Plan();
            Assert.Null(loaded.Compare(loaded.Launch()).Failure);
        }

        // A variant that does not exist, then files that end early.
        using (ComputeDevice device = Open(TuningMode.On))
        {
            device.Programs.SaveNote(device.Tuning.KeyOf(descriptor, KernelTarget.Cpu), [77]);
            Assert.Equal(TileChoiceReason.Measured, Choose(device, Shape).Reason);
        }

        foreach (FileInfo file in folder.EnumerateFiles())
        {
            using FileStream stream = file.OpenWrite();
            stream.SetLength(stream.Length / 2);
        }

        using (ComputeDevice device = Open(TuningMode.On))
        {
            Assert.Equal(TileChoiceReason.Measured, Choose(device, Shape).Reason);
        }
    }

    [SkippableFact]
    public void A_tile_that_the_spec_names_is_the_only_one()
    {
        using ComputeDevice device = Open(TuningMode.On);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(
            device, RuntimeSpec.Describe(Shape, queryTile: 16, keyTile: 16), KernelTarget.Portable);
        Assert.Equal(TileChoiceReason.OnlyOne, launcher.Tuning.Reason);
    }

    [Theory]
    [InlineData(null, TuningMode.On)]
    [InlineData("", TuningMode.On)]
    [InlineData(" ON ", TuningMode.On)]
    [InlineData("off", TuningMode.Off)]
    [InlineData("force", TuningMode.Force)]
    public void The_environment_names_the_mode(string? value, TuningMode expected) => Assert.Equal(expected, TileTuning.Parse(value));

    [Fact]
    public void Another_mode_is_an_error() =>
        Assert.Contains("KERNELS_TUNE", Assert.Throws<ArgumentException>(() => TileTuning.Parse("fast")).Message, StringComparison.Ordinal);

    private static RuntimeKernels<float> Kernels(ComputeDevice device, KernelTarget target = KernelTarget.Cpu) =>
        new(device, RuntimeSpec.Describe(Shape), target);

    private static LoadedCase<RuntimeSpec, float> Load(RuntimeKernels<float> kernels, params (int, int)[] lengths) =>
        new(new(Shape, lengths, Seed: 5), kernels, new());

    private static TileChoice Choose(ComputeDevice device, AttentionShape shape) => Choose<float>(device, shape);

    /// <summary>What is chosen when a step has a long prompt.</summary>
    private static TileChoice Choose<T>(ComputeDevice device, AttentionShape shape) where T : unmanaged
    {
        using var launcher = new AttentionLauncher<RuntimeSpec, T>(device, RuntimeSpec.Describe(shape), KernelTarget.Cpu);
        using IKvCache<RuntimeSpec> cache = shape.PageSize == 0 ? launcher.CreateCache(1, Long, 1) : launcher.CreatePagedCache(
            (Long / shape.PageSize) + 1, 1);
        SequenceHandle sequence = cache.AddSequence();
        cache.Extend(sequence, Long);
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        plan.Build(cache, [new(sequence, Long, Long)]);
        return launcher.Tuning;
    }

    private ComputeDevice Open(TuningMode mode)
    {
        try
        {
            return ComputeDevice.Open(options: new() { Tuning = mode, ProgramCache = new() { Directory = folder.FullName } });
        }
        catch (NoDeviceException e)
        {
            throw new SkipException(e.Message);
        }
    }
}
