using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>The tokens of a step, and those that are drawn behind it.</content>
internal sealed partial class LayerKernels
{
    // A part of a row is not worth a work-group from fewer tokens on, and a row's parts are joined one after the other.
    private const int PartTokens = 2048;
    private const int MostParts = 32;

    private Task<ComputeProgram>? sampling;
    private ComputeKernel? beginStep;
    private ComputeKernel? changeLogits;
    private ComputeKernel? maskLogits;
    private ComputeKernel? rowMaxima;
    private ComputeKernel? takeLikeliest;
    private ComputeKernel? drawTokens;
    private DeviceBuffer<float>? maxima;
    private DeviceBuffer<int>? places;
    private DeviceBuffer<float>? greatest;

    /// <summary>Begins to build what <see cref="DrawTokens"/> needs.</summary>
    internal void PrepareSampling() => sampling ??= Build("sampling", $"#define ITEMS {SamplingItems}\n{Text("sampling.cl")}");

    // A row is one group's, so that groups are as large as they can be; on a CPU they are only tried.
    private int SamplingItems => cpu ? 16 : (int)Math.Min(1024, device.Capabilities.MaxWorkGroupSize);

    /// <summary>Takes the tokens of a step apart.</summary>
    /// <param name="packed">
    /// [2 or 3, tokens]: ids, where −1 − r is what was drawn in row r of the step before; positions; rows of the tables of long texts.
    /// </param>
    /// <param name="drawn">What was drawn.</param>
    /// <param name="ids">[tokens].</param>
    /// <param name="positions">[tokens].</param>
    /// <param name="turns">[tokens]; null where there are two.</param>
    /// <param name="tokens">Tokens.</param>
    internal void BeginStep(
        DeviceBuffer<int> packed, DeviceBuffer<int> drawn, DeviceBuffer<int> ids, DeviceBuffer<int> positions,
        DeviceBuffer<int>? turns, int tokens)
    {
        ComputeKernel kernel = Kernel(ref beginStep, "begin_step");
        kernel.Set(0, packed).Set(1, drawn).Set(2, ids).Set(3, positions).Set(4, turns ?? positions).Set(5, tokens)
            .Set(6, turns is null ? 0 : 1);
        SubmitElements(kernel, tokens);
    }

    /// <summary>Draws a token in each row of logits. Logits change where penalties, biases and masks say so.</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="draws">How.</param>
    /// <param name="data">What <see cref="StepDraws.Write"/> gave.</param>
    /// <param name="at">The first element of that.</param>
    /// <param name="drawn">[rows]: tokens; −1 where a logit is not a number, −2 where all are −∞.</param>
    /// <param name="vocabulary">Logits of a row.</param>
    internal void DrawTokens(
        DeviceBuffer<float> logits, StepDraws draws, DeviceBuffer<int> data, int at, DeviceBuffer<int> drawn, int vocabulary)
    {
        int rows = draws.Rows;
        int changesAt = at + (rows * TokenDraw.Words);
        if (draws.Changes > 0)
        {
            ComputeKernel change = SamplingKernel(ref changeLogits, "change_logits");
            change.Set(0, logits).Set(1, data).Set(2, changesAt).Set(3, draws.Changes).Set(4, vocabulary);
            SubmitElements(change, draws.Changes);
        }

        if (draws.Masks > 0)
        {
            ComputeKernel mask = SamplingKernel(ref maskLogits, "mask_logits");
            mask.Set(0, logits).Set(1, data).Set(2, changesAt + (draws.Changes * LogitChange.Words)).Set(3, draws.Masks).Set(4, vocabulary);
            SubmitElements(mask, (long)draws.Masks * vocabulary);
        }

        int parts = Math.Clamp(Parts(vocabulary, PartTokens), 1, MostParts);
        device.Grow(ref maxima, (long)rows * parts);
        device.Grow(ref places, (long)rows * parts);
        device.Grow(ref greatest, rows);
        ComputeKernel maximum = SamplingKernel(ref rowMaxima, "row_maxima");
        maximum.Set(0, logits).Set(1, maxima!).Set(2, places!).Set(3, vocabulary).Set(4, parts);
        Submit(maximum, new NDRange((nuint)rows * (nuint)parts * (nuint)SamplingItems), new NDRange((nuint)SamplingItems));
        ComputeKernel likeliest = SamplingKernel(ref takeLikeliest, "take_likeliest");
        likeliest.Set(0, maxima!).Set(1, places!).Set(2, greatest!).Set(3, drawn).Set(4, parts).Set(5, rows);
        SubmitElements(likeliest, rows);
        if (draws.HasTemperatures)
        {
            ComputeKernel draw = SamplingKernel(ref drawTokens, "draw_tokens");
            draw.Set(0, logits).Set(1, greatest!).Set(2, data).Set(3, at).Set(4, drawn).Set(5, vocabulary);
            Submit(draw, new NDRange((nuint)rows * (nuint)SamplingItems), new NDRange((nuint)SamplingItems));
        }
    }

    private ComputeKernel SamplingKernel(ref ComputeKernel? kernel, string name)
    {
        PrepareSampling();
        return kernel ??= Create(sampling!, name);
    }
}
