using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// Numbers that are not, or are at the edge of their type: what a query sees of them comes out as IEEE arithmetic has it, what it does not
/// see has no influence, and a finite score is a score. A sample over every sort of spec, then the inputs that showed the faults.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class PoisonTests(DeviceFixture fixture)
{
    private const int Seed = 3, Dim = 32;

    private static readonly AttentionCase[] OwnCases = [.. CaseMatrix.Poisoned(eachShape: 2, Seed)];

    // Work-items with barriers are slow on a CPU.
    private static readonly AttentionCase[] PortableCases = [.. CaseMatrix.Poisoned(eachShape: 1, Seed + 1)];

    public static TheoryData<int, string> Own => Named(OwnCases);

    public static TheoryData<int, string> Portable => Named(PortableCases);

    [SkippableTheory]
    [MemberData(nameof(Own))]
    public void OnTheDevicesOwnTarget(int index, string description) => Check(OwnCases[index], description, null);

    [SkippableTheory]
    [MemberData(nameof(Portable))]
    public void OnThePortableTarget(int index, string description) => Check(PortableCases[index], description, KernelTarget.Portable);

    [Fact]
    public void TheSampleHasEveryPlaceAndKind()
    {
        Assert.Equal(5, OwnCases.Select(test => test.Poison!.Place).Distinct().Count());
        Assert.Equal(7, OwnCases.Select(test => test.Poison!.Kind).Distinct().Count());
        Assert.Equal(
            CaseMatrix.Poisoned(Seed).Select(test => test.Shape).Distinct().Count(), OwnCases.Select(test => test.Shape)
                .Distinct().Count());
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu, AttentionMask.None, float.NaN, 0)]
    [InlineData(KernelTarget.Cpu, AttentionMask.Causal, float.NaN, 0)]
    [InlineData(KernelTarget.Cpu, AttentionMask.None, float.NaN, 5)]
    [InlineData(KernelTarget.Cpu, AttentionMask.Causal, float.PositiveInfinity, 5)]
    [InlineData(KernelTarget.Portable, AttentionMask.None, float.NaN, 0)]
    [InlineData(KernelTarget.Portable, AttentionMask.Causal, float.PositiveInfinity, 5)]
    public void AFewKeysWithOneNumberThatIsNone(KernelTarget target, AttentionMask mask, float number, int token)
    {
        // Into the query's element 3 for token 0, else into the key's.
        foreach (int queries in new[] { 1, 8 })
        {
            float[] q = Numbers(queries * Dim, 1), k = Numbers(20 * Dim, 2), v = Numbers(20 * Dim, 3);
            (token == 0 ? q : k)[(token * Dim) + 3] = number;
            Agrees(target, Shape(mask), q, k, v);
        }
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu)]
    [InlineData(KernelTarget.Portable)]
    public void SplitKeysOfWhichTheFirstAreNone(KernelTarget target)
    {
        float[] q = Numbers(Dim, 1), k = Numbers(20_000 * Dim, 2), v = Numbers(20_000 * Dim, 3);
        k.AsSpan(0, 700 * Dim).Fill(float.NaN);
        Agrees(target, Shape(AttentionMask.None), q, k, v);
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu)]
    [InlineData(KernelTarget.Portable)]
    public void AHiddenKeysValueHasNoInfluence(KernelTarget target)
    {
        foreach (float number in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            foreach (AttentionShape shape in new[] { Shape(AttentionMask.Causal), Shape(AttentionMask.Causal) with { WindowLeft = 9 } })
            {
                float[] q = Numbers(64 * Dim, 1), k = Numbers(64 * Dim, 2), v = Numbers(64 * Dim, 3);
                v[(40 * Dim) + 7] = number;
                float[] outputs = Agrees(target, shape, q, k, v);
                Assert.All(outputs.AsSpan(0, 40 * Dim).ToArray(), x => Assert.True(float.IsFinite(x)));
                Assert.False(float.IsFinite(outputs[(40 * Dim) + 7]));
            }
        }
    }

    [SkippableTheory]
    [InlineData(KernelTarget.Cpu, float.MinValue)]
    [InlineData(KernelTarget.Cpu, -3e38f)]
    [InlineData(KernelTarget.Cpu, 3e38f)]
    [InlineData(KernelTarget.Portable, float.MinValue)]
    [InlineData(KernelTarget.Portable, 3e38f)]
    public void ARowOfFiniteScoresIsTheMeanOfItsValues(KernelTarget target, float score)
    {
        AttentionShape shape = Shape(AttentionMask.None) with { Bias = true };
        float[] q = Numbers(3 * Dim, 1), k = Numbers(50 * Dim, 2), v = Numbers(50 * Dim, 3), outputs = new float[3 * Dim],
            lse = new float[3];
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(shape), target);
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(1, 50, 1);
        SequenceHandle[] s = cache.AddSequences(1);
        launcher.Append(cache, s[0], k, v);
        using DeviceBuffer<float> bias = fixture.Device.Upload<float>([.. Enumerable.Repeat(score, 50)]);
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        plan.Build(cache, [new AttentionRequest(s[0], 3, 50)]);
        using DeviceBuffer<float> queries = fixture.Device.Upload<float>(q), outs = fixture.Device.Allocate<float>(outputs.Length),
            lses = fixture.Device.Allocate<float>(3);
        launcher.EnqueueAttend(plan, cache, 0, queries, outs, new() { Bias = new AttentionBias(bias, 1, 1, 1, 50) }, lses).Dispose();
        fixture.Device.Queue.Read(outs, outputs.AsSpan());
        fixture.Device.Queue.Read(lses, lse.AsSpan());
        for (int i = 0; i < outputs.Length; i++)
        {
            Assert.Equal(Enumerable.Range(0, 50).Average(key => v[(key * Dim) + (i % Dim)]), outputs[i], 1e-5f);
        }

        Assert.All(lse, x => Assert.Equal(1, x / score, 1e-6f));
    }

    [SkippableFact]
    public void AnFp8CacheHasNaNForAnInfinity()
    {
        AttentionShape shape = Shape(AttentionMask.None) with { CacheStorage = ElementType.Float8E4M3 };
        float[] q = Numbers(Dim, 1), k = Numbers(20 * Dim, 2), v = Numbers(20 * Dim, 3), outputs = new float[Dim];
        v[(4 * Dim) + 2] = float.PositiveInfinity;
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(shape));
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(1, 20, 1);
        SequenceHandle[] s = cache.AddSequences(1);
        launcher.Append(cache, s[0], k, v);
        launcher.Attend(cache, s[0], q, outputs);
        Assert.All(outputs.Index(), x => Assert.Equal(x.Index == 2, float.IsNaN(x.Item)));
    }

    /// <summary>
    /// Runs one sequence and holds each output against the reference: NaN and infinities where it has them, near it elsewhere.
    /// </summary>
    private float[] Agrees(KernelTarget target, AttentionShape shape, float[] q, float[] k, float[] v)
    {
        float[] outputs = new float[q.Length];
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(shape), target);
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(1, k.Length / Dim, 1);
        SequenceHandle[] s = cache.AddSequences(1);
        launcher.Append(cache, s[0], k, v);
        launcher.Attend(cache, s[0], q, outputs);
        double[] expected = new double[q.Length];
        ReferenceAttention.Compute(shape, Wide(q), Wide(k), Wide(v), expected);
        for (int i = 0; i < outputs.Length; i++)
        {
            bool isRight = double.IsFinite(expected[i]) ? Math.Abs(outputs[i] - expected[i]) <= 1e-5 * Math.Max(1, Math.Abs(expected[i]))
                : expected[i].Equals((double)outputs[i]);
            Assert.True(isRight, $"element {i % Dim} of query {i / Dim} is {outputs[i]}, expected {expected[i]}");
        }

        return outputs;
    }

    private void Check(AttentionCase test, string description, KernelTarget? target)
    {
        CaseResult result = new CaseRunner(fixture.Device, target).Run(test);
        Assert.True(result.Failure is null, $"{description}: {result.Failure}");
    }

    private static AttentionShape Shape(AttentionMask mask) =>
        CaseMatrix.Shape(1, 1, Dim, Dim, mask, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    private static double[] Wide(float[] numbers) => Array.ConvertAll(numbers, x => (double)x);

    private static float[] Numbers(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)((4 * random.NextDouble()) - 2))];
    }

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
