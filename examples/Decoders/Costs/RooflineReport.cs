using Kernels.Costs;
using Spectre.Console;

namespace Decoders;

/// <summary>Writes what the roofline model says of a subject on a device.</summary>
internal sealed class RooflineReport(RooflineSubject subject, Roofline device, TextWriter output)
{
    /// <summary>The subject and the device, in lines.</summary>
    /// <param name="source">Where the device's figures are from.</param>
    public void WriteHead(string source)
    {
        AttentionShape shape = subject.Layers[0].Shape;
        Line(
            $"{subject.Name}: {subject.LayerCount} layers, {shape.QueryHeads} query heads over {shape.KvHeads} KV heads, d_qk {shape.HeadDim}, d_v {shape.ValueDim}, cache in {shape.CacheStorage}");
        Line(
            $"KV cache: {subject.Cache.BytesPerToken:N0} bytes a token ({shape.CacheBytesPerToken:N0} a layer), {shape.FlopsPerQueryAndKey:N0} FLOPs a query and key of a layer");
        if (subject.Weights is { } weights)
        {
            Line(
                $"Weights: {RooflineTable.Count(weights.Parameters, "")} parameters in {weights.Formats}, {weights.Bytes:N0} bytes ({RooflineTable.Bytes(weights.Bytes)}), {RooflineTable.Bytes(weights.Step(1, 1).Bytes)} read and {RooflineTable.Count(weights.Step(1, 1).Flops, "FLOP")} for a token; a context of up to {subject.Config!.ContextLimit:N0} tokens");
        }

        string memory = device.MemoryBytes > 0 ? RooflineTable.Bytes(device.MemoryBytes) : "memory not known";
        Line(
            $"Device: {device.Name}, {RooflineTable.Count(device.FlopsPerSecond, "FLOP/s")}, {RooflineTable.Count(device.BytesPerSecond, "B/s")}, {memory} ({source}); ridge at {RooflineTable.Number(device.Ridge)} FLOP/byte");
        if (device.Overlap < 1)
        {
            Line(
                $"Predicted: the longer of arithmetic and reading and {1 - device.Overlap:P0} of the shorter, which do not overlap (measured by reading and multiplying at once)");
        }

        output.WriteLine();
    }

    /// <summary>The steps of a phase.</summary>
    public void WriteSteps(IReadOnlyList<RooflinePoint> points)
    {
        foreach (IGrouping<RooflinePhase, RooflinePoint> phase in points.GroupBy(point => point.Phase))
        {
            bool measured = phase.Any(point => point.Measured is not null);
            bool decode = phase.Key == RooflinePhase.Decode;
            List<string> columns =
                ["Batch", "Context", "Attention bytes", .. Weights("Weight bytes"), "FLOP a token", "FLOP/byte", "Limit", "Predicted",
                    "Tokens/s"];
            if (measured)
            {
                columns.AddRange(["Measured", "Tokens/s", "Measured/predicted", "Ceilings beside it"]);
            }

            Table table = RooflineTable.Create(
                decode ? "Decode: a token for each sequence" : "Prefill: a prompt for each sequence", [.. columns]);
            foreach (RooflinePoint point in phase)
            {
                WorkCost total = point.Cost.Total;
                List<string> cells =
                [
                    RooflineTable.Whole(point.Batch), RooflineTable.Whole(point.Context),
                    RooflineTable.Bytes(point.Cost.Attention.Bytes), .. Weights(RooflineTable.Bytes(point.Cost.Weights.Bytes)),
                    RooflineTable.Count(total.Flops / point.Tokens, ""), RooflineTable.Number(total.Intensity),
                    device.IsMemoryBound(total) ? "memory" : "arithmetic",
                    RooflineTable.Seconds(point.Predicted), RooflineTable.Number(point.Tokens / point.Predicted),
                ];
                if (measured)
                {
                    cells.AddRange(point.Measured is { } seconds
                        ? [RooflineTable.Seconds(seconds), RooflineTable.Number(point.Tokens / seconds), RooflineTable.Invariant(
                            $"{seconds / point.Predicted:F2}"), Ceilings(point.Device)]
                        : ["–", "–", "–", "–"]);
                }

                table.Add([.. cells]);
            }

            RooflineTable.Write(output, table);
        }
    }

    /// <summary>Says which kernels were measured, or that steps were to be and none could.</summary>
    public void WriteMeasured(IReadOnlyList<RooflinePoint> points, IReadOnlyList<string> kernels)
    {
        foreach (string line in kernels)
        {
            Line($"Measured: {line}");
        }

        if (kernels.Count > 0)
        {
            output.WriteLine();
        }

        if (points.All(point => point.Measured is null))
        {
            Line($"Nothing was measured: every step takes more than {RooflineSteps.LongestStep} s or too much memory.");
            output.WriteLine();
        }
    }

    /// <summary>What fits the device's memory beside the weights.</summary>
    public void WriteFit(IReadOnlyList<int> batches, IReadOnlyList<int> contexts)
    {
        if (device.MemoryBytes == 0)
        {
            return;
        }

        KvCachePlan cache = subject.Cache;
        long free = device.MemoryBytes - (subject.Weights?.Bytes ?? 0);
        if (free < cache.GetBytes(1, 1))
        {
            Line(
                $"The weights take {RooflineTable.Bytes(subject.Weights!.Bytes)}: they do not fit {RooflineTable.Bytes(device.MemoryBytes)} with a cache beside them.");
            output.WriteLine();
            return;
        }

        bool paged = subject.Layers.Any(group => group.Shape.PageSize > 0);
        Table table = RooflineTable.Create(
            RooflineTable.Invariant($"What fits {RooflineTable.Bytes(free)}, activations not counted"),
            ["", "Context", "Sequences", "Cache of one", .. paged ? (string[])["Pages of one"] : []]);
        foreach (int context in contexts)
        {
            Add("most sequences", context, cache.GetLargestBatch(free, context));
        }

        foreach (int batch in batches)
        {
            Add("longest context", cache.GetLargestContext(free, batch), batch);
        }

        RooflineTable.Write(output, table);

        void Add(string what, long context, long sequences) => table.Add(
            [what, RooflineTable.Whole(context), RooflineTable.Whole(sequences), RooflineTable.Bytes(cache.GetBytes(1, context)), .. paged
                ? (string[])[RooflineTable.Whole(cache.GetPages(1, context))] : []]);
    }

    /// <summary>The same heads with the caches of other kinds of attention.</summary>
    /// <param name="batch">Sequences of the step that is compared.</param>
    /// <param name="context">Tokens of each.</param>
    public void WriteFamilies(int batch, int context)
    {
        int layers = subject.LayerCount;
        IReadOnlyList<AttentionFamily> families = AttentionFamily.Of(
            subject.Layers[0].Shape with { WindowLeft = null }, subject.Config?.Latent);
        long most = families[0].Shape.CacheBytesPerToken;
        Table table = RooflineTable.Create(
            RooflineTable.Invariant(
                $"The same {subject.Layers[0].Shape.QueryHeads} heads, attention alone, {batch:N0} × {context:N0} tokens"),
            "Attention", "KV heads", "d_qk, d_v", "KV bytes a token", "of MHA", "FLOP/byte", "Limit", "Time a step", "Sequences that fit");
        foreach ((string kind, AttentionShape shape) in families)
        {
            WorkCost cost = new AttentionCost(shape).Decode(batch, context) * layers;
            var cache = new KvCachePlan([new(shape, layers)]);
            table.Add(
                kind, RooflineTable.Whole(shape.KvHeads), RooflineTable.Invariant($"{shape.HeadDim}, {shape.ValueDim}"),
                RooflineTable.Whole(cache.BytesPerToken),
                RooflineTable.Invariant($"{100.0 * shape.CacheBytesPerToken / most:F1} %"), RooflineTable.Number(cost.Intensity),
                device.IsMemoryBound(cost) ? "memory" : "arithmetic", RooflineTable.Seconds(device.GetSeconds(cost)),
                device.MemoryBytes == 0
                    ? "–" : RooflineTable.Whole(cache.GetLargestBatch(device.MemoryBytes - (subject.Weights?.Bytes ?? 0), context)));
        }

        RooflineTable.Write(output, table);
    }

    /// <summary>The weights by kind, and the largest buffers that loading them and their cache takes.</summary>
    public void WriteMemory(int batch, int context)
    {
        if (subject.Weights is not { } weights)
        {
            return;
        }

        Table table = RooflineTable.Create("Weights on the device", "What", "Count", "Shape", "Bytes");
        foreach (WeightMatrices m in weights.Matrices)
        {
            table.Add(
                m.Name, RooflineTable.Whole(m.Count), RooflineTable.Invariant($"[{m.Rows}, {m.Columns}]"), m.AreShared
                    ? "the embedding" : RooflineTable.Whole(weights.BytesOf(m)));
        }

        table.Add("all", "", "", RooflineTable.Whole(weights.Bytes));
        RooflineTable.Write(output, table);
        KvCachePlan cache = subject.Cache;
        long bytes = cache.GetBytes(batch, context);
        Line(
            $"Largest buffers: {RooflineTable.Bytes(weights.LargestBuffer)} of weights, {RooflineTable.Bytes(cache.GetLargestBuffer(batch, context))} of keys or values of a layer. With a cache for {batch:N0} × {context:N0} tokens ({RooflineTable.Bytes(bytes)}) the model takes {RooflineTable.Bytes(checked(weights.Bytes + bytes))}.");
        output.WriteLine();
    }

    private static string Ceilings(Roofline device) =>
        RooflineTable.Invariant(
            $"{RooflineTable.Count(device.BytesPerSecond, "B/s")}, {RooflineTable.Count(device.FlopsPerSecond, "FLOP/s")}, overlap {device.Overlap:F2}");

    /// <summary>A cell that only models have.</summary>
    private string[] Weights(string text) => subject.Weights is null ? [] : [text];

    private void Line(FormattableString text) => output.WriteLine(RooflineTable.Invariant(text));
}
