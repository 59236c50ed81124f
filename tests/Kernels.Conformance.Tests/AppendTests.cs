namespace Kernels.Conformance.Tests;

/// <summary>Every byte that the append kernel writes, and those that it leaves alone, on a fixed sample of layouts and types.</summary>
[Collection(DeviceCollection.Name)]
public sealed class AppendTests(DeviceFixture fixture)
{
    private const int Seed = 1;

    // Of latent rows one in two, of the others one in ten.
    private static readonly AppendCase[] Sampled =
        [.. OneIn(2, AppendCase.All(Seed).Where(test => test.Shape.LatentCache)),
            .. OneIn(10, AppendCase.All(Seed).Where(test => !test.Shape.LatentCache))];

    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            for (int i = 0; i < Sampled.Length; i++)
            {
                data.Add(i, Sampled[i].ToString());
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Cases))]
    public void BytesAreThoseOfTheRules(int index, string description)
    {
        Assert.NotEmpty(description);
        foreach (KernelTarget target in new[] { KernelTarget.Cpu, KernelTarget.Portable })
        {
            Assert.Null(new AppendRunner(fixture.Device, target).Run(Sampled[index]));
        }
    }

    [Fact]
    public void SampleHasScaledLatentRowsWithAndWithoutRope()
    {
        AppendCase[] scaled = [.. Sampled.Where(test => test.Shape.CacheScale == CacheScale.PerGroup)];
        Assert.Equal([128, 256, 512], scaled.Select(test => test.Shape.ValueDim).Distinct().Order());
        Assert.Equal(3, scaled.Select(test => test.Shape.Storage).Distinct().Count());
        Assert.Equal(3, scaled.Select(test => test.Shape.Rope).Distinct().Count());
        Assert.Contains(scaled, test => test.Shape.PageSize == 0);
        Assert.Contains(scaled, test => test.Shape.PageSize > 0 && test.Shape.Layout == KvLayout.Nhd);
        Assert.True(Enum.GetValues<ElementType>().All(type => Sampled.Any(test => test.Shape.CacheStorage == type)));
    }

    private static AppendCase[] OneIn(int n, IEnumerable<AppendCase> cases)
    {
        AppendCase[] all = [.. cases];
        new Random(Seed).Shuffle(all);
        return all[..((all.Length + n - 1) / n)];
    }
}
