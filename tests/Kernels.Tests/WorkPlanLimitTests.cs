using Kernels.Planning;

namespace Kernels.Tests;

/// <summary>Steps at the limits of what 32 bits can count: right up to them, and a named error past them.</summary>
public sealed class WorkPlanLimitTests
{
    private const int Limit = WorkPlan.MaxLength;

    // So large that a step at the limit has few items.
    private const int Rows = 1 << 20;

    private static readonly KernelGeometry Geometry = new(
        KernelTarget.Portable, new TileGeometry(Rows, 32, 64, 0), new TileGeometry(16, 64, 64, 0), 64, 64);
    private static readonly AttentionShape Shape = Of(1, 1);

    [Fact]
    public void KeysOfAllRequestsMayBeMoreThan32BitsCount()
    {
        WorkPlan plan = Build(Shape, Many(70_000, keys: 40_000));
        Assert.Equal(70_000L * 40_000, plan.Keys);
        Assert.Equal(70_000, plan.DecodeTiles.Count);
        Assert.All(plan.DecodeTiles, item => Assert.Equal((0, 40_000, 0), (item.KvBegin, item.KvEnd, item.KeyBegin)));
    }

    [Fact]
    public void DocumentsAreToldUpToTheLimit()
    {
        AttentionShape documents = Shape with { Documents = true };
        AttentionRequest[] requests =
            [new(SequenceHandle.Create(0), 0, Limit), new(SequenceHandle.Create(1), 0, Limit - 3), new(SequenceHandle.Create(2), 1, 2)];
        WorkPlan plan = Build(documents, requests);
        Assert.Equal(int.MaxValue, plan.Keys);
        Assert.Equal(int.MaxValue - 2, Assert.Single(plan.DecodeTiles).KeyBegin);
        Refused(documents, "2147483648 keys", [.. requests, new(SequenceHandle.Create(3), 0, 1)]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1024, 1)]
    [InlineData(1024, 1024)]
    [InlineData(16, 4)]
    public void RowsOfAStep(int queryHeads, int kvHeads)
    {
        AttentionShape shape = Of(queryHeads, kvHeads);
        int tokens = Limit / queryHeads;
        Refused(shape, $"{Limit + queryHeads} rows", [new(SequenceHandle.Create(0), tokens + 1, 0)]);
        Refused(shape, $"{Limit + queryHeads} rows", [new(SequenceHandle.Create(0), tokens, 0), new(SequenceHandle.Create(1), 1, 1)]);
        if (queryHeads < 1024)
        {
            return; // a plan of 2^26 tokens or more takes long
        }

        WorkPlan plan = Build(shape, [new(SequenceHandle.Create(0), tokens - 1, tokens - 1), new(SequenceHandle.Create(1), 1, Limit)]);
        WorkTile last = plan.PrefillTiles.Where(item => item.Batch == 0).MaxBy(item => item.FirstRow);
        Assert.Equal((tokens - 1) * shape.GroupSize, last.FirstRow + last.RowCount);
        Assert.Equal(tokens - 1, plan.DecodeTiles.Concat(plan.PrefillTiles).First(item => item.Batch == 1).QueryBegin);
        Assert.All(plan.Merges, merge => Assert.InRange(merge.OutputRow, 0, Limit - 1));
    }

    [Theory]
    [InlineData(false, null, false)]
    [InlineData(true, null, false)]
    [InlineData(false, Limit, false)]
    [InlineData(false, null, true)]
    public void KeysOfARequest(bool deterministic, int? left, bool mergesSplits)
    {
        AttentionShape shape = Shape with { Deterministic = deterministic, WindowLeft = left, WindowRight = left };
        KernelGeometry geometry = Geometry with { Decode = Geometry.Decode with { MergesSplits = mergesSplits } };
        WorkPlan plan = Build(
            shape,
            [new(SequenceHandle.Create(0), 1, Limit), new(SequenceHandle.Create(1), 1, Limit - 1),
                new(SequenceHandle.Create(2), 17, Limit)], geometry);
        Assert.Equal((3L * Limit) - 1, plan.Keys);
        foreach (IGrouping<int, WorkTile> request in plan.DecodeTiles.Concat(plan.PrefillTiles).GroupBy(item => item.Batch))
        {
            // Splits that follow one another from the first key to the last.
            int end = 0;
            foreach (WorkTile item in request.OrderBy(item => item.KvBegin))
            {
                Assert.Equal(end, item.KvBegin);
                end = item.KvEnd;
            }

            Assert.Equal(request.Key == 1 ? Limit - 1 : Limit, end);
            Assert.InRange(request.Count(), 1, WorkPlan.MaxSplits);
        }

        Refused(shape, "can have 1073741824 keys", [new(SequenceHandle.Create(0), 1, Limit + 1)]);
        Refused(shape, "can have 1073741824 keys", [new(SequenceHandle.Create(0), 0, int.MaxValue)]);
    }

    [Fact]
    public void IntsOfAPlan()
    {
        AttentionShape pages = Shape with { PageSize = 1 };
        Refused(pages, $"{(2L * Limit) + 13 + 1} ints", [new(SequenceHandle.Create(0), 1, Limit), new(SequenceHandle.Create(1), 0, Limit)]);

        // Slots and positions of all tokens, and a work tile for each.
        AttentionShape rope = Shape with { Rope = RopeStyle.HalfSplit, RotaryDim = 8 };
        KernelGeometry small = Geometry with { Prefill = Geometry.Prefill with { Rows = 1 } };
        Refused(rope, $"{15L * Limit} ints", [new(SequenceHandle.Create(0), Limit, Limit)], small);
    }

    [Fact]
    public void RowsOfPartialStates()
    {
        // One item of 2^24 rows whose keys a huge device splits into 256.
        KernelGeometry geometry = Geometry with { Prefill = Geometry.Prefill with { Rows = 1 << 24, MergesSplits = true } };
        Refused(Shape, "rows of partial states", [new(SequenceHandle.Create(0), 1 << 24, 1 << 24)], geometry, computeUnits: 1 << 29);
    }

    [Fact]
    public void AStepThatIsRefusedLeavesThePlanAsItWas()
    {
        var plan = new WorkPlan();
        plan.Build(Shape, Geometry, 4, new ContiguousSlots(100), [new(SequenceHandle.Create(0), 2, 5)]);
        int[] before = plan.Data.ToArray();
        Assert.Throws<ArgumentException>(
            "requests", () => plan.Build(Shape, Geometry, 4, new ContiguousSlots(100), [new(SequenceHandle.Create(0), 1, Limit + 1)]));
        Assert.Equal(before, plan.Data.ToArray());
        Assert.Equal((2, 5L, 1), (plan.Tokens, plan.Keys, plan.Requests));
    }

    [Fact]
    public void AnglesOfMorePositionsThanATableCanHave()
    {
        Assert.Throws<ArgumentOutOfRangeException>("positions", () => RopeTable.Plain(1 << 30, 2));
        Assert.Throws<ArgumentOutOfRangeException>("positions", () => RopeTable.Plain(int.MaxValue, 64));
    }

    private static AttentionShape Of(int queryHeads, int kvHeads) =>
        new(queryHeads, kvHeads, 8, 8, 0.35, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    private static AttentionRequest[] Many(int count, int keys) =>
        [.. Enumerable.Range(0, count).Select(i => new AttentionRequest(SequenceHandle.Create(i), 1, keys))];

    private static WorkPlan Build(AttentionShape shape, AttentionRequest[] requests, KernelGeometry? geometry = null, int computeUnits = 4)
    {
        var plan = new WorkPlan();
        plan.Build(shape, geometry ?? Geometry, computeUnits, new AnySlots(), requests);
        return plan;
    }

    private static void Refused(
        AttentionShape shape, string message, AttentionRequest[] requests, KernelGeometry? geometry = null, int computeUnits = 4)
    {
        var e = Assert.Throws<ArgumentException>("requests", () => Build(shape, requests, geometry, computeUnits));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    /// <summary>A cache that a plan at the limits can be built for without there being one.</summary>
    private readonly struct AnySlots : ISlotMap
    {
        public int GetSlot(SequenceHandle sequence, int position) => position;

        public ReadOnlySpan<int> GetPages(SequenceHandle sequence) => [];
    }
}
