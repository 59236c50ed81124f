using System.Text;
using Kernels;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>How the linear layers are computed.</summary>
public enum LinearForm
{
    /// <summary>Each work-item runs along the columns in wide vectors, alone: for CPUs.</summary>
    Vectors,

    /// <summary>Work-groups share what they read through local memory: for GPUs.</summary>
    WorkGroups,
}

/// <content>What reads weight matrices: the embedding, linear layers, and those of experts.</content>
public sealed partial class LayerKernels
{
    private const int BiasFlag = 1;
    private const int AccumulateFlag = 2;

    // The tiles of linear_vectors.cl.
    private const int VectorRowsFew = 8;
    private const int VectorRowsMany = 4;
    private const int VectorTokensMany = 4;

    // The work-groups of linear_groups_few.cl and linear_groups_many.cl.
    private const int Lanes = 32;
    private const int GroupRows = 2;
    private const int GroupSide = 8;
    private const int GroupTile = GroupSide * 4;

    // The tiles of linear_heads.cl, and its work-groups on a GPU.
    private const int HeadTokensMany = 4;
    private const int HeadColumnsOfVectors = 16;
    private const int HeadLanes = 64;

    private readonly Dictionary<ElementType, WeightKernels> weightKernels = [];
    private readonly int manyTokens;

    /// <summary>How the linear layers are computed.</summary>
    public LinearForm Form { get; }

    /// <summary>output[t] = scale · table[ids[t]], or output[t] += that.</summary>
    /// <param name="table">[vocabulary, width].</param>
    /// <param name="ids">[tokens]; each from 0 to the table's rows − 1, which is the caller's to check.</param>
    /// <param name="output">[tokens, width].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="scale">The factor.</param>
    /// <param name="accumulate">Whether the result is added to what the output holds.</param>
    public void Embed(WeightMatrix table, DeviceBuffer<int> ids, DeviceBuffer<float> output, int tokens, double scale = 1, bool accumulate = false)
    {
        Require(ids.Length, tokens, nameof(ids));
        long elements = Require(output.Length, (long)tokens * table.Columns, nameof(output));
        ComputeKernel kernel = KernelsFor(table.Type).Embedding;
        kernel.Set(0, table.Buffer).Set(1, ids).Set(2, output).Set(3, table.Columns).Set(4, tokens).Set(5, (float)scale).Set(6, accumulate ? 1 : 0);
        SubmitElements(kernel, elements);
    }

    /// <summary>y[t] = w · x[t] + bias, or y[t] += that.</summary>
    /// <param name="x">[tokens, w.Columns].</param>
    /// <param name="w">[outputs, inputs].</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="y">[tokens, w.Rows].</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="accumulate">Whether the result is added to what y holds: the residual stream.</param>
    public void Linear(DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<float> y, int tokens, bool accumulate = false)
    {
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

        WeightKernels kernels = KernelsFor(w.Type);
        bool many = tokens >= manyTokens;
        ComputeKernel kernel = many ? kernels.LinearMany : kernels.LinearFew;
        int flags = (bias is null ? 0 : BiasFlag) | (accumulate ? AccumulateFlag : 0);
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, w.Rows).Set(6, tokens).Set(7, flags);
        if (!many)
        {
            SubmitFew(kernel, w.Rows, tokens);
        }
        else if (Form == LinearForm.Vectors)
        {
            device.Queue.Submit(kernel, new NDRange(Parts(tokens, VectorTokensMany), Parts(w.Rows, VectorRowsMany)), new NDRange(1, 1));
        }
        else
        {
            device.Queue.Submit(
                kernel, new NDRange(Parts(w.Rows, GroupTile) * GroupSide, Parts(tokens, GroupTile) * GroupSide), new NDRange(GroupSide, GroupSide));
        }
    }

    /// <summary>y[p] = w[e] · x[p / slotsPerRow] + bias[e] with e = experts[p]: each slot has an expert's matrix.</summary>
    /// <param name="x">[slots / slotsPerRow, w.Columns].</param>
    /// <param name="w">The matrices of all experts [outputs, inputs], below each other.</param>
    /// <param name="bias">[w.Rows], or null for none.</param>
    /// <param name="experts">[slots]; each less than <paramref name="expertCount"/>, which is the caller's to check.</param>
    /// <param name="expertCount">Experts; divides the rows of <paramref name="w"/>.</param>
    /// <param name="y">[slots, outputs].</param>
    /// <param name="slots">Slots: tokens × experts of a token.</param>
    /// <param name="slotsPerRow">Slots side by side that take the same row of <paramref name="x"/>.</param>
    public void ExpertLinear(
        DeviceBuffer<float> x, WeightMatrix w, DeviceBuffer<float>? bias, DeviceBuffer<int> experts, int expertCount, DeviceBuffer<float> y, int slots, int slotsPerRow)
    {
        int rows = w.Rows / expertCount;
        Require(x.Length, (long)Parts(slots, slotsPerRow) * w.Columns, nameof(x));
        Require(experts.Length, slots, nameof(experts));
        Require(y.Length, (long)slots * rows, nameof(y));
        if (bias is not null)
        {
            Require(bias.Length, w.Rows, nameof(bias));
        }

        if (slots > 0)
        {
            ComputeKernel kernel = KernelsFor(w.Type).LinearExperts;
            kernel.Set(0, x).Set(1, w.Buffer).Set(2, bias ?? y).Set(3, y).Set(4, w.Columns).Set(5, rows).Set(6, slots)
                .Set(7, bias is null ? 0 : BiasFlag).Set(8, experts).Set(9, slotsPerRow);
            SubmitFew(kernel, rows, slots);
        }
    }

    /// <summary>y[t, h] = x[t, h] · w[h]: each head has a matrix of its own.</summary>
    /// <param name="x">[tokens, from.Stride].</param>
    /// <param name="from">The heads of <paramref name="x"/>; with a head stride of 0 all have the same elements.</param>
    /// <param name="w">[heads · from.HeadDim, to.HeadDim]: the matrices [inputs, outputs] of the heads below each other.</param>
    /// <param name="y">[tokens, to.Stride].</param>
    /// <param name="to">The heads of <paramref name="y"/>.</param>
    /// <param name="tokens">Tokens.</param>
    public void HeadLinear(DeviceBuffer<float> x, HeadSlice from, WeightMatrix w, DeviceBuffer<float> y, HeadSlice to, int tokens)
    {
        if ((w.Rows, w.Columns, from.Heads) != (from.Width, to.HeadDim, to.Heads))
        {
            throw new ArgumentException(
                $"A matrix of {w.Rows} rows and {w.Columns} columns does not turn {from.Heads} heads of {from.HeadDim} into {to.Heads} of {to.HeadDim}.", nameof(w));
        }

        RequireSlice(x, from, tokens, nameof(x));
        RequireSlice(y, to, tokens, nameof(y));
        if (tokens == 0)
        {
            return;
        }

        WeightKernels kernels = KernelsFor(w.Type);
        bool many = tokens >= manyTokens;
        ComputeKernel kernel = many ? kernels.LinearHeadsMany : kernels.LinearHeadsFew;
        kernel.Set(0, x).Set(1, w.Buffer).Set(2, y).Set(3, from.HeadDim).Set(4, w.Columns).Set(5, tokens)
            .Set(6, from.Stride).Set(7, from.Offset).Set(8, from.HeadStride).Set(9, to.Stride).Set(10, to.Offset).Set(11, to.HeadStride);
        int tiles = many ? Parts(tokens, HeadTokensMany) : tokens;
        if (Form == LinearForm.Vectors)
        {
            device.Queue.Submit(kernel, new NDRange(Parts(w.Columns, HeadColumnsOfVectors), tiles, from.Heads), new NDRange(1, 1, 1));
        }
        else
        {
            device.Queue.Submit(kernel, new NDRange(Parts(w.Columns, HeadLanes) * HeadLanes, tiles, from.Heads), new NDRange(HeadLanes, 1, 1));
        }
    }

    /// <summary>The source of the kernels that read weights of one type.</summary>
    internal static byte[] WeightSource(ElementType type, LinearForm form)
    {
        var source = new StringBuilder()
            .Append($"#define WEIGHT_BITS {type.SizeInBytes() * 8}\n")
            .Append($"#define WEIGHT_BFLOAT {(type == ElementType.BFloat16 ? 1 : 0)}\n")
            .Append(Text("weights.cl")).Append(Text("embedding.cl")).Append(Text("linear.cl"));
        if (form == LinearForm.WorkGroups)
        {
            string few = Text("linear_groups_few.cl");
            Add("linear_few", few, experts: 0);
            Add("linear_experts", few, experts: 1);
            source.Append(Text("linear_groups_many.cl"));
        }
        else
        {
            string tile = Text("linear_vectors.cl");
            Add("linear_few", tile, experts: 0, VectorRowsFew, 1);
            Add("linear_many", tile, experts: 0, VectorRowsMany, VectorTokensMany);
            Add("linear_experts", tile, experts: 1, VectorRowsFew, 1);
        }

        source.Append($"#define HEAD_COLUMNS {(form == LinearForm.Vectors ? HeadColumnsOfVectors : 1)}\n");
        AddHeads("linear_heads_few", 1);
        AddHeads("linear_heads_many", HeadTokensMany);
        return Encoding.UTF8.GetBytes(source.ToString());

        void Add(string name, string body, int experts, int rows = 0, int tokens = 0) => source
            .Append($"#define NAME {name}\n#define EXPERTS {experts}\n#define ROWS {rows}\n#define TOKENS {tokens}\n")
            .Append(Text("linear_experts.cl")).Append(body)
            .Append("#undef NAME\n#undef EXPERTS\n#undef ROWS\n#undef TOKENS\n");

        void AddHeads(string name, int tokens) => source
            .Append($"#define NAME {name}\n#define HEAD_TOKENS {tokens}\n").Append(Text("linear_heads.cl")).Append("#undef NAME\n#undef HEAD_TOKENS\n");
    }

    private void SubmitFew(ComputeKernel kernel, int rows, int tokens)
    {
        if (Form == LinearForm.Vectors)
        {
            device.Queue.Submit(kernel, new NDRange(tokens, Parts(rows, VectorRowsFew)), new NDRange(1, 1));
        }
        else
        {
            device.Queue.Submit(kernel, new NDRange(checked(Parts(rows, GroupRows) * Lanes * GroupRows), tokens), new NDRange(Lanes * GroupRows, 1));
        }
    }

    private WeightKernels KernelsFor(ElementType type)
    {
        if (!weightKernels.TryGetValue(type, out WeightKernels kernels))
        {
            ComputeProgram program = device.Programs.GetOrBuild(WeightSource(type, Form), name: $"linear, {type}");
            kernels = new WeightKernels(
                Create(program, "embedding"), Create(program, "linear_few"), Create(program, "linear_many"), Create(program, "linear_experts"),
                Create(program, "linear_heads_few"), Create(program, "linear_heads_many"));
            weightKernels.Add(type, kernels);
        }

        return kernels;
    }

    private readonly record struct WeightKernels(
        ComputeKernel Embedding, ComputeKernel LinearFew, ComputeKernel LinearMany, ComputeKernel LinearExperts,
        ComputeKernel LinearHeadsFew, ComputeKernel LinearHeadsMany);
}
