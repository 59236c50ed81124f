using Kernels.Benchmarks.Compare;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Tests;

/// <summary>What a kernel can do wrong is found and named, and what it does right is not, in each storage.</summary>
public sealed class OutputCheckTests
{
    private const int Tokens = 40, Heads = 6, Dim = 64;

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void TheReferenceRoundedIsRight(ElementType storage) => Assert.Null(FaultOf(storage, (row, d) => Reference(row)[d]));

    // Means of thousands of values lie near 0 in bfloat16, some hundred different numbers in thousands of rows.
    [Fact]
    public void FewDistinctNumbersAreNoFault() =>
        Assert.Null(
            Fault(
                (row, d) => (BFloat16)(float)Reference(row % 2)[d], OutputCheck.Tolerance(ElementType.BFloat16, ElementType.BFloat16),
                row => Reference(row % 2)));

    [Theory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    public void OutputsThatAreNotWrittenAreFound(ElementType storage)
    {
        Assert.Contains(
            "not finite or were never written; the first is element 0 of token 0, head 0", FaultOf(storage, (_, _) => double.NaN));

        // One element, wherever it is.
        string? fault = FaultOf(storage, (row, d) => row == 37 && d == 5 ? double.NaN : Reference(row)[d]);
        Assert.StartsWith($"1 of {Tokens * Heads * Dim} outputs", fault);
        Assert.Contains("element 5 of token 6, head 1", fault);
        Assert.NotNull(FaultOf(storage, (row, d) => row == 239 && d == 63 ? double.PositiveInfinity : Reference(row)[d]));
    }

    [Theory]
    [InlineData(ElementType.Float32, ElementType.Float32)]
    [InlineData(ElementType.Float16, ElementType.Float16)]
    [InlineData(ElementType.BFloat16, ElementType.BFloat16)]
    [InlineData(ElementType.Float16, ElementType.Int8)]
    [InlineData(ElementType.Float16, ElementType.Float8E4M3)]
    [InlineData(ElementType.BFloat16, ElementType.Int4)]
    public void WrongNumbersAreFound(ElementType storage, ElementType cache)
    {
        Func<int, int, double>[] wrong =
        [
            (_, _) => 0,
            (_, _) => 0.01,
            (row, d) => Reference(row + 1)[d],              // another head's
            (row, d) => Reference(row % Heads)[d],          // the first token's
            (row, d) => Reference(row)[d < 32 ? d : d - 32], // half of a row twice
            (row, d) => d < 32 ? Reference(row)[d] : 0,      // half of a row
            (row, d) => Reference(row)[d] * 2,               // a denominator of half of the keys
        ];
        Assert.All(wrong, kernel =>
        {
            string? fault = FaultOf(storage, kernel, cache);
            Assert.NotNull(fault);
            Assert.Matches("token [0-9]+, head [0-9] is off by [0-9.]+e[-+][0-9]+ of its length", fault);
        });
    }

    [SkippableTheory]
    [InlineData(ElementType.Float32)]
    [InlineData(ElementType.Float16)]
    [InlineData(ElementType.BFloat16)]
    [InlineData(ElementType.Int8)]
    [InlineData(ElementType.Int4)]
    [InlineData(ElementType.Float8E4M3)]
    public void OurKernelsHaveNoFault(ElementType cache)
    {
        CpuDevice.Require();
        using var device = ComputeDevice.Open(DeviceSelector.Parse("cpu"), new ComputeDeviceOptions { Tuning = TuningMode.Off });
        foreach (Step step in (Step[])[Step.Prefill, Step.Decode])
        {
            using IWorkload work = (cache switch
            {
                ElementType.Float32 => Row.Contiguous<Grouped, float>(step, 2, 70),
                ElementType.Float16 => Row.Contiguous<GroupedHalf, Half>(step, 2, 70),
                ElementType.BFloat16 => Row.Contiguous<GroupedBFloat16, BFloat16>(step, 2, 70),
                ElementType.Int8 => Row.Contiguous<GroupedInt8, Half>(step, 2, 70),
                ElementType.Int4 => Row.Contiguous<GroupedInt4, Half>(step, 2, 70),
                _ => Row.Contiguous<GroupedFloat8, Half>(step, 2, 70),
            }).Open(device);
            Assert.Null(work.FindFault());
            Assert.Null(work.FindFault()); // over the next layer
        }
    }

    [SkippableFact]
    public void OurKernelsHaveNoFaultOverPagesPrefixesLatentsWindowsAndMods()
    {
        CpuDevice.Require();
        using var device = ComputeDevice.Open(DeviceSelector.Parse("cpu"), new ComputeDeviceOptions { Tuning = TuningMode.Off });
        Row[] rows =
        [
            Row.Paged<GroupedPaged, float>(Step.Decode, 4, 330, sharedKeys: 256),
            Row.Paged<GroupedPaged, float>(Step.Decode, 4, 330, sharedKeys: 256, readsSharedKeysOnce: true),
            Row.Paged<LatentPagedHalf, Half>(Step.Decode, 2, 70),
            Row.Contiguous<GroupedWindow, float>(Step.Prefill, 1, 200),
            Row.Contiguous<MultiHead64HalfFull, Half>(Step.Prefill, 2, 70),
            Row.Contiguous<Sloped, float>(Step.Prefill, 1, 70, "", Mod.Slope, Mods.Slopes),
            Row.Contiguous<DocumentMask, float>(Step.Prefill, 1, 70, "", Mod.Document, Mods.Documents),
        ];
        Assert.All(rows, row =>
        {
            using IWorkload work = row.Open(device);
            Assert.Null(work.FindFault());
        });
    }

    private static double[] Reference(int row) =>
        Array.ConvertAll(RandomData.Create<float>(Dim, seed: 100 + row), value => value * 0.02);

    private static string? FaultOf(ElementType storage, Func<int, int, double> kernel, ElementType? cache = null)
    {
        double tolerance = OutputCheck.Tolerance(storage, cache ?? storage);
        return storage switch
        {
            ElementType.Float32 => Fault((row, d) => (float)kernel(row, d), tolerance, Reference),
            ElementType.Float16 => Fault((row, d) => (Half)kernel(row, d), tolerance, Reference),
            _ => Fault((row, d) => (BFloat16)(float)kernel(row, d), tolerance, Reference),
        };
    }

    private static string? Fault<T>(Func<int, int, T> kernel, double tolerance, Func<int, double[]> reference)
        where T : unmanaged
    {
        T[] outputs = [.. Enumerable.Range(0, Tokens * Heads * Dim).Select(i => kernel(i / Dim, i % Dim))];
        return OutputCheck.Fault<T>(outputs, Heads, Dim, tolerance, (token, head) => reference((token * Heads) + head));
    }
}
