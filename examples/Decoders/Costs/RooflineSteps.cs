using Kernels.Costs;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Predicts the steps of a grid, and measures those that are short enough and fit.</summary>
/// <param name="subject">What the steps are of.</param>
/// <param name="roofline">The device as the model sees it.</param>
/// <param name="device">The device to measure on; null to predict only.</param>
/// <param name="measureDevice">Measures the device's ceilings once more.</param>
internal sealed class RooflineSteps(RooflineSubject subject, Roofline roofline, ComputeDevice? device, Func<Roofline> measureDevice)
{
    // A step that is predicted to take longer is not measured.
    public const double LongestStep = 2;

    // A measurement's cache takes no more than this part of the device's memory, and no more layers than these bytes hold: enough to
    // be out of every cache of the device.
    private const int MemoryShare = 4;
    private const long CacheBytes = 1L << 30;

    private readonly List<string> kernels = [];

    /// <summary>The kernels that were measured, and why these.</summary>
    public IReadOnlyList<string> Kernels => kernels;

    /// <summary>A step of each phase for each batch and context.</summary>
    public IReadOnlyList<RooflinePoint> Run(
        IReadOnlyList<RooflinePhase> phases, IReadOnlyList<int> batches, IReadOnlyList<int> contexts, CancellationToken cancellation)
    {
        var points = new List<RooflinePoint>();
        Roofline before = roofline;
        foreach (RooflinePhase phase in phases)
        {
            foreach (int batch in batches)
            {
                foreach (int context in contexts)
                {
                    StepCost cost = phase == RooflinePhase.Decode ? subject.Decode(batch, context) : subject.Prefill(batch, context);
                    var point = new RooflinePoint(phase, batch, context, cost, roofline, null);
                    if (!cancellation.IsCancellationRequested && Measure(phase, batch, context, point.Predicted) is { } seconds)
                    {
                        // A machine that others use too is not the same from minute to minute: what counts is what it can do just now.
                        Roofline after = measureDevice();
                        point = point with { Device = Roofline.Mean(before, after), Measured = seconds };
                        before = after;
                    }

                    points.Add(point);
                }
            }
        }

        return points;
    }

    private double? Measure(RooflinePhase phase, int batch, int context, double predicted)
    {
        // Tokens of a step are counted in ints, and activations have at least as many elements as the widest rows.
        if (device is null || predicted > LongestStep || (long)batch * context > 1 << 20
            || subject.Cache.GetBytes(batch, context) + (subject.Checkpoint is null ? 0 : subject.Weights!.Bytes)
            > device.Capabilities.GlobalMemoryBytes / 2)
        {
            return null;
        }

        if (subject.Checkpoint is not { } folder)
        {
            return MeasureAttention(device, phase, batch, context);
        }

        if (subject.Config!.ContextLimit < context + StepMeasurement.MostRuns)
        {
            return null;
        }

        AttentionShape shape = subject.Layers[0].Shape;
        AttentionFactory attention = AttentionCatalog.With(
            shape.PageSize > 0 ? CacheKind.Paged : CacheKind.Contiguous, type: shape.Storage);
        return phase == RooflinePhase.Decode
            ? DecoderMeasurement.Decode(device, folder, attention, batch, context)
            : DecoderMeasurement.Prefill(device, folder, attention, batch, context);
    }

    private double MeasureAttention(ComputeDevice on, RooflinePhase phase, int batch, int context)
    {
        double seconds = 0;
        foreach (CachedLayers group in phase == RooflinePhase.Decode ? subject.Layers : subject.PromptLayers)
        {
            long each = new KvCachePlan([group with { Layers = 1 }]).GetBytes(batch, context);
            long most = Math.Min(CacheBytes, on.Capabilities.GlobalMemoryBytes / MemoryShare) / each;
            using AttentionMeasurement measurement = AttentionMeasurement.Create(
                on, group.Shape, batch, context, (int)Math.Clamp(most, 1, group.Layers));
            kernels.AddRange(measurement.Kernels.Except(kernels));
            seconds += group.Layers * (phase == RooflinePhase.Decode ? measurement.Decode(context) : measurement.Prefill(context));
        }

        return seconds;
    }
}
