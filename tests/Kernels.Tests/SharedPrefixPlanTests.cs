using CsCheck;
using Kernels.Planning;

namespace Kernels.Tests;

/// <summary>Plans in which requests have their first pages in common.</summary>
public sealed class SharedPrefixPlanTests
{
    private const int PageSize = 16;
    private static readonly KernelGeometry Geometry = new(
        KernelTarget.Portable, new TileGeometry(32, 32, 64, 0), new TileGeometry(16, 64, 64, 0), 64, 64);

    // A request is (pages in common with those of its group, tokens of its own, queries).
    private static readonly Gen<(int Group, int Own, int Queries)[]> Steps =
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 70], Gen.Int[1, 3], (group, own, queries) => (group, own, queries)).Array[1, 12];

    [Fact]
    public void EveryKeyOfEveryRowIsReadExactlyOnce() =>
        Gen.Select(Steps, Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[1, 200]).Sample((step, kvHeads, group, units) =>
        {
            AttentionShape shape = Shape(kvHeads, group);
            (Pages pages, AttentionRequest[] requests) = Make(step);
            var plan = new WorkPlan();
            plan.Build(shape, Geometry, units, pages, requests);

            int rows = requests.Sum(request => request.QueryLength) * group;
            var read = new List<(int Begin, int End, int Partial)>[rows];
            foreach (WorkTile item in plan.PrefillTiles.Concat(plan.DecodeTiles))
            {
                for (int row = item.FirstRow; row < item.FirstRow + item.RowCount; row++)
                {
                    int partial = item.PartialRow < 0 ? -1 : item.PartialRow + row - item.FirstRow;
                    (read[(item.QueryBegin * group) + row] ??= []).Add((item.KvBegin, item.KvEnd, partial));
                }
            }

            Dictionary<int, MergeRow> merges = plan.Merges.ToDictionary(merge => merge.OutputRow);
            int token = 0;
            foreach (AttentionRequest request in requests)
            {
                for (int query = 0; query < request.QueryLength; query++, token++)
                {
                    for (int head = 0; head < group; head++)
                    {
                        (int Begin, int End, int Partial)[] parts = [.. read[(token * group) + head].OrderBy(part => part.Begin)];
                        Assert.Equal(0, parts[0].Begin);
                        Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Begin));
                        Assert.InRange(parts[^1].End, request.KeyLength!.Value - request.QueryLength + query + 1, request.KeyLength!.Value);
                        if (parts.Length > 1)
                        {
                            MergeRow merge = merges[(token * shape.QueryHeads) + head];
                            Assert.Equal(
                                Enumerable.Range(0, merge.Splits).Select(i => merge.FirstPartialRow + (i * merge.Stride)),
                                parts.Select(part => part.Partial));
                            Assert.All(parts, part => Assert.InRange(part.Partial, 0, plan.PartialRows - 1));
                        }
                        else
                        {
                            Assert.Equal(-1, parts[0].Partial);
                        }
                    }
                }
            }
        }, iter: 300);

    [Fact]
    public void LongPromptOfManyRequestsIsReadOnce()
    {
        (Pages pages, AttentionRequest[] requests) = Make([.. Enumerable.Range(0, 32).Select(_ => (2, 128, 1))]);
        var plan = new WorkPlan();
        plan.Build(Shape(8, 4), Geometry, 132, pages, requests);
        Assert.Equal(8192, plan.SharedKeys);

        // The 128 rows are four tiles of 32; each request reads its own keys besides.
        Assert.Equal((4 * 8192) + (32 * 128), plan.PrefillTiles.Concat(plan.DecodeTiles).Sum(item => item.KeyCount));
    }

    [Fact]
    public void PositionsThatCountKeepRequestsApart()
    {
        (Pages pages, AttentionRequest[] requests) = Make([(2, 50, 1), (2, 60, 1), (2, 70, 1), (2, 80, 1)]);
        AttentionShape shape = Shape(1, 4);
        foreach (AttentionShape apart in new[]
        {
            shape with { WindowLeft = 100 }, shape with { Alibi = true }, shape with { Rope = RopeStyle.HalfSplit, RotaryDim = 64 },
            shape with
            {
                HasMods = true,
            }, shape with { Deterministic = true }, shape with { Mask = AttentionMask.PrefixCausal }, shape with { Bias = true },
        })
        {
            var plan = new WorkPlan();
            plan.Build(apart, Geometry, 8, pages, requests);
            Assert.Equal(0, plan.SharedKeys);
            plan.Build(shape, Geometry, 8, pages, requests);
            Assert.Equal(8192, plan.SharedKeys);
        }
    }

    private static AttentionShape Shape(int kvHeads, int group) =>
        new(kvHeads * group, kvHeads, 64, 64, 0.125, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd)
        {
            PageSize = PageSize,
        };

    /// <summary>Group 0 shares nothing, group 1 has 32 pages in common, group 2 512.</summary>
    private static (Pages Pages, AttentionRequest[] Requests) Make((int Group, int Own, int Queries)[] step)
    {
        int[] common = [0, 32, 512];
        int next = 1000;
        int[][] pages = [.. step.Select(request => (int[])
        [
            .. Enumerable.Range(0, common[request.Group]),
            .. Enumerable.Range(0, (request.Own / PageSize) + 1).Select(_ => next++),
        ])];
        return (new Pages(pages), [.. step.Select((request, i) =>
        {
            int keys = (common[request.Group] * PageSize) + request.Own;
            return new AttentionRequest(SequenceHandle.Create(i), Math.Min(request.Queries, request.Own), keys);
        })]);
    }

    private readonly struct Pages(int[][] pages) : ISlotMap
    {
        public int GetSlot(SequenceHandle sequence, int position) => (pages[sequence.Index][position / PageSize] * PageSize)
            + (position % PageSize);

        public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => pages[sequence.Index];
    }
}
