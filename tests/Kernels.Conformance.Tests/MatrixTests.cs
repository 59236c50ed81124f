namespace Kernels.Conformance.Tests;

/// <summary>The default device's kernels against the reference, one test for each case of a fixed sample of the matrix.</summary>
[Collection(DeviceCollection.Name)]
public sealed class MatrixTests(DeviceFixture fixture)
{
    private const int Seed = 1;
    private const int SampleSize = 60;

    private static readonly AttentionCase[] OwnCases =
    [
        .. CaseMatrix.Sample(SampleSize, Seed).Take(SampleSize),
        .. CaseMatrix.Corners(Seed),
        .. CaseMatrix.HugeLogits(Seed),
        .. OneIn(3, CaseMatrix.Options(Seed)),
        .. OneIn(4, CaseMatrix.Inputs(Seed)),
        .. OneIn(4, CaseMatrix.Ropes(Seed)),
        .. OneIn(3, CaseMatrix.Pages(Seed)),
        .. OneIn(6, CaseMatrix.Quantised(Seed)),
        .. OneIn(4, CaseMatrix.Latent(Seed).Where(test => test.Work < 3e8)),
        .. OneIn(3, CaseMatrix.LatentFloat8(Seed).Where(test => test.Work < 3e8)),
        .. CaseMatrix.Serving(8, Seed, mostWork: 3e7),
    ];

    // Work-items with barriers are slow on a CPU: fewer cases, short ones.
    private static readonly AttentionCase[] PortableCases =
    [
        .. CaseMatrix.Sample(24, Seed + 1).Take(24).Where(test => test.Work < 1e8).Take(12),
        .. CaseMatrix.Corners(Seed).Where(test => test.Work < 1e7).Take(6),
        .. CaseMatrix.HugeLogits(Seed).Take(2),
        .. OneIn(6, CaseMatrix.Options(Seed + 1).Where(test => test.Work < 1e7)),
        .. OneIn(10, CaseMatrix.Inputs(Seed + 1)),
        .. OneIn(10, CaseMatrix.Ropes(Seed + 1)),
        .. OneIn(10, CaseMatrix.Pages(Seed + 1).Where(test => test.Work < 1e8)),
        .. OneIn(12, CaseMatrix.Quantised(Seed + 1).Where(test => test.Work < 2e7)),
        .. OneIn(10, CaseMatrix.Latent(Seed + 1).Where(test => test.Work < 1e7)),
        .. OneIn(6, CaseMatrix.LatentFloat8(Seed + 1).Where(test => test.Work < 3e7)),
    ];

    public static TheoryData<int, string> Own => Named(OwnCases);

    public static TheoryData<int, string> Portable => Named(PortableCases);

    [SkippableTheory]
    [MemberData(nameof(Own))]
    public void DevicesOwnTarget(int index, string description) => Check(OwnCases[index], description, null);

    [SkippableTheory]
    [MemberData(nameof(Portable))]
    public void PortableTarget(int index, string description) => Check(PortableCases[index], description, KernelTarget.Portable);

    [Fact]
    public void SampleHasEveryDimensionAndLengthAndStorage()
    {
        AttentionCase[] sample = OwnCases[..SampleSize];
        Assert.Equal(12, sample.Select(test => test.Shape.HeadDim).Distinct().Count());
        Assert.Equal(12, sample.Select(test => test.Lengths.Single()).Distinct().Count());
        Assert.Equal(3, sample.Select(test => test.Shape.Storage).Distinct().Count());
        Assert.Subset(sample.Select(test => test.Shape.GroupSize).ToHashSet(), new HashSet<int> { 1, 2, 4, 7, 8 });
        Assert.Contains(sample, test => test.Shape.KvHeads == 1);
        Assert.Contains(PortableCases, test => test.Shape.PageSize > 0);
        Assert.Equal(
            3, PortableCases.Select(test => test.Shape).Where(shape => shape.CacheScale != CacheScale.None && !shape.LatentCache)
                .Select(shape => shape.CacheStorage).Distinct().Count());
    }

    private void Check(AttentionCase test, string description, KernelTarget? target)
    {
        CaseResult result = new CaseRunner(fixture.Device, target).Run(test);
        Assert.True(result.Failure is null, $"{description}: {result.Failure}");
    }

    private static AttentionCase[] OneIn(int n, IEnumerable<AttentionCase> cases)
    {
        AttentionCase[] all = [.. cases];
        new Random(Seed).Shuffle(all);
        return all[..((all.Length + n - 1) / n)];
    }

    // A case's own description does not name every axis, so the index tells two apart.
    private static TheoryData<int, string> Named(AttentionCase[] cases)
    {
        var data = new TheoryData<int, string>();
        for (int i = 0; i < cases.Length; i++)
        {
            data.Add(i, cases[i].ToString());
        }

        return data;
    }
}
