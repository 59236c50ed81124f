using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>The choice among emitted tiles: every one is right, and the choice is measured, kept, overridden and left alone as asked.</summary>
public sealed class TuningTests : IDisposable
{
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
            Shape with { QueryHeads = 16, KvHeads = 1, HeadDim = 72, ValueDim = 64, CacheStorage = ElementType.Float16, LatentCache = true, Mask = AttentionMask.None },
        ];
        foreach (AttentionShape shape in shapes)
        {
            CaseResult result = new CaseRunner(device, target, variant: variant).Run(new AttentionCase(shape, [(1, 70), (37, 37), (90, 150)], Seed: 5));
            Assert.True(result.Failure is null, result.Failure);
        }
    }

    [SkippableFact]
    public void Off_is_the_planners_choice()
    {
        using ComputeDevice device = Open(TuningMode.Off);
        TileChoice choice = Choose(device);
        Assert.Equal((0, TileChoiceReason.Planned), (choice.Variant, choice.Reason));
        Assert.Empty(choice.Milliseconds);
    }

    [SkippableFact]
    public void What_was_measured_is_used_again_by_the_next_process()
    {
        int variant;
        using (ComputeDevice device = Open(TuningMode.On))
        {
            TileChoice choice = Choose(device);
            Assert.Equal(TileChoiceReason.Measured, choice.Reason);
            Assert.Equal(3, choice.Milliseconds.Count);
            Assert.Equal(choice.Milliseconds.Min(), choice.Milliseconds[choice.Variant]);
            Assert.Same(choice, Choose(device)); // other layers of the same process
            variant = choice.Variant;
        }

        using (ComputeDevice device = Open(TuningMode.On))
        {
            TileChoice choice = Choose(device);
            Assert.Equal((variant, TileChoiceReason.Stored), (choice.Variant, choice.Reason));
        }

        using (ComputeDevice device = Open(TuningMode.Force))
        {
            Assert.Equal(TileChoiceReason.Measured, Choose(device).Reason);
        }
    }

    [SkippableFact]
    public void What_was_kept_is_obeyed_unless_it_is_damaged()
    {
        AttentionDescriptor descriptor = RuntimeSpec.Describe(Shape);
        using (ComputeDevice device = Open(TuningMode.On))
        {
            device.Programs.SaveNote(device.Tuning.KeyOf(descriptor, KernelTarget.Cpu), [2]);
            TileChoice choice = Choose(device);
            Assert.Equal((2, TileChoiceReason.Stored), (choice.Variant, choice.Reason));
            Assert.Equal(descriptor.Geometry(KernelTarget.Cpu).PrefillVariants[1], choice.Tile);
        }

        // A variant that does not exist, then files that end early.
        using (ComputeDevice device = Open(TuningMode.On))
        {
            device.Programs.SaveNote(device.Tuning.KeyOf(descriptor, KernelTarget.Cpu), [77]);
            Assert.Equal(TileChoiceReason.Measured, Choose(device).Reason);
        }

        foreach (FileInfo file in folder.EnumerateFiles())
        {
            using FileStream stream = file.OpenWrite();
            stream.SetLength(stream.Length / 2);
        }

        using (ComputeDevice device = Open(TuningMode.On))
        {
            Assert.Equal(TileChoiceReason.Measured, Choose(device).Reason);
        }
    }

    [SkippableFact]
    public void A_tile_that_the_spec_names_is_the_only_one()
    {
        using ComputeDevice device = Open(TuningMode.On);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(device, RuntimeSpec.Describe(Shape, queryTile: 16, keyTile: 16), KernelTarget.Portable);
        Assert.Equal(TileChoiceReason.OnlyOne, launcher.Tuning.Reason);
    }

    [Theory]
    [InlineData(null, TuningMode.Off)]
    [InlineData(" ON ", TuningMode.On)]
    [InlineData("force", TuningMode.Force)]
    public void The_environment_names_the_mode(string? value, TuningMode expected) => Assert.Equal(expected, TileTuning.Parse(value));

    [Fact]
    public void Another_mode_is_an_error() =>
        Assert.Contains("KERNELS_TUNE", Assert.Throws<ArgumentException>(() => TileTuning.Parse("fast")).Message, StringComparison.Ordinal);

    private static TileChoice Choose(ComputeDevice device)
    {
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(device, RuntimeSpec.Describe(Shape), KernelTarget.Cpu);
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
