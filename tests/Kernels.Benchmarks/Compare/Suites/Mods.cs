using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>What a spec is given beside its cache before its step runs.</summary>
/// <param name="Attention">The attention.</param>
/// <param name="Plan">The step.</param>
/// <param name="Work">The work.</param>
/// <param name="Owned">Takes what has to live as long as the work.</param>
internal sealed record Extras<TSpec>(TSpec Attention, AttentionPlan<TSpec> Plan, Work Work, ICollection<IDisposable> Owned);

/// <summary>The inputs of the mods.</summary>
internal static class Mods
{
    public static void Slopes(Extras<Sloped> extras) => extras.Attention.Inputs = new(SlopeOfHeads(extras.Attention.Device, extras));

    public static void Slopes(Extras<SlopedHalf> extras) => extras.Attention.Inputs = new(SlopeOfHeads(extras.Attention.Device, extras));

    public static void Documents(Extras<DocumentMask> extras)
    {
        extras.Attention.Inputs = new(OneDocument(extras.Attention.Device, extras));
        BlockMask<DocumentMask> mask = extras.Attention.CreateBlockMask(extras.Plan);
        extras.Owned.Add(mask);
        extras.Attention.BlockMask = mask;
    }

    public static void Documents(Extras<DocumentMaskHalf> extras)
    {
        extras.Attention.Inputs = new(OneDocument(extras.Attention.Device, extras));
        BlockMask<DocumentMaskHalf> mask = extras.Attention.CreateBlockMask(extras.Plan);
        extras.Owned.Add(mask);
        extras.Attention.BlockMask = mask;
    }

    private static DeviceBuffer<float> SlopeOfHeads<TSpec>(ComputeDevice device, Extras<TSpec> extras)
    {
        int heads = extras.Work.QueryHeads;
        DeviceBuffer<float> slopes = device.Upload<float>([.. Enumerable.Range(0, heads).Select(head => WorkReference.Slope(head, heads))]);
        extras.Owned.Add(slopes);
        return slopes;
    }

    private static DeviceBuffer<int> OneDocument<TSpec>(ComputeDevice device, Extras<TSpec> extras)
    {
        DeviceBuffer<int> documents = device.Upload<int>(new int[extras.Work.Sequence]);
        extras.Owned.Add(documents);
        return documents;
    }
}
