using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>What reads weight matrices: the embedding, linear layers, and those of experts.</content>
internal sealed partial class LayerKernels
{
    private const int BiasFlag = 1;
    private const int AccumulateFlag = 2;

    // The tiles of linear_panels.cl: four panels are four streams of weights, and with six tokens as many sums as AVX-512's registers hold.
    private const int Panels = 4;
    private const int PanelTokens = 6;

    // The work-groups of linear_groups_few.cl and linear_groups_many.cl.
    private const int Lanes = 32;
    private const int GroupRows = 2;
    private const int GroupSide = 8;
    private const int GroupTile = GroupSide * 4;

    // The tiles of linear_heads.cl, and its work-groups on a GPU.
    private const int HeadTokensMany = 4;
    private const int HeadColumnsOfVectors = 16;
    private const int HeadLanes = 64;

    // Tiles of outputs are added to a token's number in 32 bits.
    private const int MostTokens = 1 << 30;

    private readonly int manyTokens;

    /// <summary>How the linear layers are computed.</summary>
    public LinearForm Form { get; }

    /// <summary>How the matrices of linear layers and embeddings lie.</summary>
    public WeightLayout Layout { get; }

    /// <summary>output[t] = scale · table[ids[t]], or output[t] += that.</summary>
    /// <param name="table">[vocabulary, width], in <see cref="Layout"/>.</param>
    /// <param name="ids">[tokens]; each from 0 to the table's rows − 1, which is the caller's to check.</param>
    /// <param name="output">[tokens, width].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="scale">The factor.</param>
    /// <param name="accumulate">Whether the result is added to what the output holds.</param>
    public void Embed(
        WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, double scale = 1, bool accumulate = false)
    {
        Require(ids.Length, tokens, nameof(ids));
        long elements = Require(output.Length, (long)tokens * table.Columns, nameof(output));
        if (table.Layout.IsOfTensorCores)
        {
            EmbedByTensorCores(table, ids, output, tokens, (float)scale, accumulate);
            return;
        }

        bool words = table.Layout == WeightLayout.Words;
        RequireLayout(table, words ? WeightLayout.Words : Layout, nameof(table));
        ComputeKernel kernel = Kernel(words ? WeightFamily.Dots : WeightFamily.Dense, "embedding", table.Format);
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens).Set(5, (float)scale)
            .Set(6, accumulate ? 1 : 0).Set(7, table.Rows);
        SubmitElements(kernel, elements);
    }

    /// <summary>output[i] = table[ids[i]]: rows of a cache, which to the kernel are those of an embedding.</summary>
    /// <param name="table">[slots, width].</param>
    /// <param name="type">The type of its elements: float32, float16 or bfloat16.</param>
    /// <param name="width">Elements of a row.</param>
    /// <param name="ids">[rows]; each a slot of the table, which is the caller's to check.</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="rows">Rows.</param>
    public void TakeRows(DeviceBuffer<byte> table, ElementType type, int width, DeviceBuffer<int> ids, DeviceBuffer<float> output, int rows)
    {
        Require(ids.Length, rows, nameof(ids));
        long elements = Require(output.Length, (long)rows * width, nameof(output));
        ComputeKernel kernel = Kernel(WeightFamily.CachedRows, "embedding", WeightFormat.Of(type));
        kernel.Set(0, table).Set(1, ids).Set(2, output).Set(3, width).Set(4, rows).Set(5, 1f).Set(6, 0).Set(7, 0);
        SubmitElements(kernel, elements);
    }

    /// <summary>y[t] = w · x[t] + bias, or y[t] += that.</summary>
    /// <param name="x">[tokens, w.Columns].</param>
    /// <param name="w">[outputs, inputs], in <see cref="Layout"/>.</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="y">[tokens, w.Rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="accumulate">Whether the result is added to what y holds: the residual stream.</param>
    public void Linear(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, bool accumulate = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, MostTokens);
        RequireLayout(w, IsFused(w.Layout) ? w.Layout : Layout, nameof(w));
        Require(x.Length, (long)tokens * w.Columns, nameof(x));
        Require(y.Length, (long)tokens * w.Rows, nameof(y));
        if (bias is not null)
        {
            Require(bias.Length, w.Rows, nameof(bias));
        }

        if (tokens == 0)
        {
            return;
        }

        if (IsFused(w.Layout))
        {
            LinearFused(x, w, bias, y, tokens, accumulate: accumulate);
            return;
        }

        bool many = tokens >= manyTokens;
        ComputeKernel kernel = Kernel(WeightFamily.Dense, many ? "linear_many" : "linear_few", w.Format);
        int flags = (bias is null ? 0 : BiasFlag) | (accumulate ? AccumulateFlag : 0);
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, w.Rows).Set(6, tokens).Set(7, flags);
        if (!many)
        {
            SubmitFew(kernel, w.Rows, tokens);
        }
        else if (Form == LinearForm.Vectors)
        {
            Submit(kernel, PanelTiles(w.Rows, Parts(tokens, PanelTokens)), new NDRange(1, 1));
        }
        else
        {
            Submit(
                kernel, new NDRange(Parts(w.Rows, GroupTile) * GroupSide, Parts(tokens, GroupTile) * GroupSide),
                new NDRange(GroupSide, GroupSide));
        }
    }

    /// <summary>y[p] = w[e] · x[p / slotsPerRow] + bias[e] with e = experts[p]: each slot has an expert's matrix.</summary>
    /// <param name="x">[slots / slotsPerRow, w.Columns].</param>
    /// <param name="w">The matrices of all experts [outputs, inputs], below each other, in <see cref="Layout"/>.</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="experts">[slots]; each less than <paramref name="expertCount"/>, which is the caller's to check.</param>
    /// <param name="expertCount">Experts, as many as <paramref name="w"/> has matrices.</param>
    /// <param name="y">[slots, outputs].</param>
    /// <param name="slots">Slots: tokens × experts of a token.</param>
    /// <param name="slotsPerRow">Slots side by side that take the same row of <paramref name="x"/>.</param>
    public void ExpertLinear(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, int expertCount, DeviceBuffer<float> y,
        int slots, int slotsPerRow) =>
        ExpertLinear(x, w, bias, experts, expertCount, y, slots, slotsPerRow, again: false);

    /// <summary>The same, with what is behind it, or where its experts were in order already.</summary>
    /// <param name="x">As above, and so on.</param>
    /// <param name="w">w.</param>
    /// <param name="bias">bias.</param>
    /// <param name="experts">experts.</param>
    /// <param name="expertCount">expertCount.</param>
    /// <param name="y">[slots, outputs], or with a gate [slots, outputs / 2].</param>
    /// <param name="slots">slots.</param>
    /// <param name="slotsPerRow">slotsPerRow.</param>
    /// <param name="again">Whether the experts are those of the last call.</param>
    /// <param name="gate">The activation of the first half of the outputs, where <see cref="GatesExperts"/> allows; null for none.</param>
    internal void ExpertLinear(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, int expertCount,
        DeviceBuffer<float> y, int slots,
        int slotsPerRow, bool again, Activation? gate = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, MostTokens);
        RequireLayout(w, IsFused(w.Layout) ? w.Layout : Layout, nameof(w), expertCount);
        int rows = w.Rows / expertCount;
        Require(x.Length, (long)Parts(slots, slotsPerRow) * w.Columns, nameof(x));
        Require(experts.Length, slots, nameof(experts));
        Require(y.Length, (long)slots * (gate is null ? rows : rows / 2), nameof(y));
        if (bias is not null)
        {
            Require(bias.Length, w.Rows, nameof(bias));
        }

        if (!again)
        {
            expertChoice++;
            choiceTokens = Parts(slots, slotsPerRow);
        }

        if (slots > 0 && w.Layout.IsOfTensorCores)
        {
            ExpertsByTensorCores(x, w, bias, experts, y, slots, slotsPerRow, gate);
        }
        else if (slots > 0 && w.Layout == WeightLayout.Words)
        {
            ExpertDots(x, w, bias, experts, y, rows, slots, slotsPerRow);
        }
        else if (slots > 0)
        {
            bool groups = GroupsSlots(w, slots), vectors = Form == LinearForm.Vectors;
            ComputeKernel kernel = Kernel(WeightFamily.Experts, groups ? "linear_experts_many" : "linear_experts", w.Format);
            kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, rows).Set(6, slots)
                .Set(7, bias is null ? 0 : BiasFlag);
            (int tiles, _) = SetExperts(kernel, experts, slots, slotsPerRow, expertCount, !groups ? 0 : vectors ? PanelTokens : GroupTile);
            if (groups && !vectors)
            {
                Submit(kernel, new NDRange(Parts(rows, GroupTile) * GroupSide, tiles * GroupSide), new NDRange(GroupSide, GroupSide));
            }
            else
            {
                SubmitFew(kernel, rows, tiles);
            }
        }
    }

    /// <summary>y[t, h] = x[t, h] · w[h]: each head has a matrix of its own.</summary>
    /// <param name="x">[tokens, from.Stride].</param>
    /// <param name="from">The heads of <paramref name="x"/>; with a head stride of 0 all have the same elements.</param>
    /// <param name="w">[heads · from.HeadDim, to.HeadDim], row-major: the matrices [inputs, outputs] of the heads below each other.</param>
    /// <param name="y">[tokens, to.Stride].</param>
    /// <param name="to">The heads of <paramref name="y"/>.</param>
    /// <param name="tokens">Tokens.</param>
    public void HeadLinear(DeviceBuffer<float> x, HeadSlice from, WeightMatrix w, DeviceBuffer<float> y, HeadSlice to, int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, MostTokens);
        if ((w.Rows, w.Columns, from.Heads) != (from.Width, to.HeadDim, to.Heads))
        {
            throw new ArgumentException(
                $"A matrix of {w.Rows} rows and {w.Columns} columns does not turn {from.Heads} heads of {from.HeadDim} into {to.Heads} "
                    + $"of {to.HeadDim}.", nameof(w));
        }

        RequireLayout(w, WeightLayout.RowMajor, nameof(w));
        RequireSlice(x, from, tokens, nameof(x));
        RequireSlice(y, to, tokens, nameof(y));
        if (tokens == 0)
        {
            return;
        }

        bool many = tokens >= manyTokens;
        ComputeKernel kernel = Kernel(WeightFamily.Heads, many ? "linear_heads_many" : "linear_heads_few", w.Format);
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, y).Set(3, from.HeadDim).Set(4, w.Columns).Set(5, tokens)
            .Set(6, from.Stride).Set(7, from.Offset).Set(8, from.HeadStride).Set(9, to.Stride).Set(10, to.Offset).Set(11, to.HeadStride);
        int tiles = many ? Parts(tokens, HeadTokensMany) : tokens;
        if (Form == LinearForm.Vectors)
        {
            Submit(kernel, new NDRange(Parts(w.Columns, HeadColumnsOfVectors), tiles, from.Heads), new NDRange(1, 1, 1));
        }
        else
        {
            Submit(kernel, new NDRange(Parts(w.Columns, HeadLanes) * HeadLanes, tiles, from.Heads), new NDRange(HeadLanes, 1, 1));
        }
    }

    private void SubmitFew(ComputeKernel kernel, int rows, int tokens)
    {
        if (Form == LinearForm.Vectors)
        {
            Submit(kernel, PanelTiles(rows, tokens), new NDRange(1, 1));
        }
        else
        {
            Submit(
                kernel, new NDRange((nuint)Parts(rows, GroupRows) * (Lanes * GroupRows), (nuint)tokens), new NDRange(Lanes * GroupRows, 1));
        }
    }

    // Whose kernels take a norm, or a gate, with them.
    private static bool IsFused(WeightLayout layout) => layout.IsOfTensorCores || layout == WeightLayout.Words;

    private static NDRange PanelTiles(int rows, int tokenTiles) => new(tokenTiles, Parts(rows, Panels * WeightLayout.Vectors.PanelRows));

    private static void RequireLayout(WeightMatrix w, WeightLayout layout, string parameter, int count = 1)
    {
        if (w.Layout != layout || w.Count != count)
        {
            throw new ArgumentException(
                $"Expected {count} matrices in panels of {layout.PanelRows} rows, got {w.Count} in panels of {w.Layout.PanelRows}.",
                parameter);
        }
    }
}
