using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// What the matrix has no axis for, on the targets of every device: of four cases one on the CPU's own kernels and one, if it is short, on
/// the portable ones, and all at the limits of launches on both. FULL=1 runs all on both.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class FeatureTests(DeviceFixture fixture)
{
    private const int Seed = 1;

    // Work-items with barriers are slow on a CPU.
    private const double MostPortableWork = 2e7;

    private static readonly FeatureCase[] All = [.. FeatureCases.All(Seed)];

    public static TheoryData<int, KernelTarget, string> Cases
    {
        get
        {
            var data = new TheoryData<int, KernelTarget, string>();
            bool isFull = Environment.GetEnvironmentVariable("FULL") == "1";
            for (int i = 0; i < All.Length; i++)
            {
                // Those at the limits of launches are each about another axis.
                bool isLimit = All[i].Name.StartsWith("limit", StringComparison.Ordinal);
                if (isFull || isLimit || i % 4 == 0)
                {
                    data.Add(i, KernelTarget.Cpu, All[i].Name);
                }

                if ((isFull || isLimit || i % 4 == 2) && All[i].Work <= MostPortableWork)
                {
                    data.Add(i, KernelTarget.Portable, All[i].Name);
                }
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void KernelsDoAsTheReference(int index, KernelTarget target, string name)
    {
        string? reason = All[index].Unfit(fixture.Device);
        Skip.If(reason is not null, reason);
        string? failure = All[index].Run(fixture.Device, target);
        Assert.True(failure is null, $"{name}: {failure}");
    }

    [Fact]
    public void EveryFeatureIsTestedOnEveryTarget()
    {
        foreach (KernelTarget target in Enum.GetValues<KernelTarget>())
        {
            string[] names = [.. All.Where(test => test.Descriptor.Targets.Contains(target)).Select(test => test.Name)];
            Assert.All(
                ["mods", "block mask", "shared keys", "deterministic", "merge", "pages:", "limit"], feature => Assert.Contains(
                    names, name => name.Contains(feature, StringComparison.Ordinal)));
        }
    }
}
