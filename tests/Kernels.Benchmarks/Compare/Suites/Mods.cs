using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>The inputs of the mods.</summary>
internal static class Mods
{
    public static AttentionInputs Slopes(Extras<Sloped> extras) => new Sloped.Inputs
    {
        Slopes = SlopeOfHeads(extras.Attention.Device, extras),
    };

    public static AttentionInputs Slopes(Extras<SlopedHalf> extras) => new SlopedHalf.Inputs
    {
        Slopes = SlopeOfHeads(extras.Attention.Device, extras),
    };

    public static AttentionInputs Documents(Extras<DocumentMask> extras)
    {
        AttentionInputs inputs = new DocumentMask.Inputs { Documents = OneDocument(extras.Attention.Device, extras) };
        return Masked<DocumentMask, float>(extras, inputs);
    }

    public static AttentionInputs Documents(Extras<DocumentMaskHalf> extras)
    {
        AttentionInputs inputs = new DocumentMaskHalf.Inputs { Documents = OneDocument(extras.Attention.Device, extras) };
        return Masked<DocumentMaskHalf, Half>(extras, inputs);
    }

    private static AttentionInputs Masked<TSpec, TElement>(Extras<TSpec> extras, AttentionInputs inputs)
        where TSpec : IAttention<TSpec, TElement>
        where TElement : unmanaged
    {
        BlockMask<TSpec> mask = extras.Attention.CreateBlockMask(extras.Plan, inputs);
        extras.Owned.Add(mask);
        return inputs with { BlockMask = mask };
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
