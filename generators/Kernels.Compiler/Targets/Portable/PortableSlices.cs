using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>Many query rows, of whose keys and values a part is in local memory at a time.</summary>
internal sealed class PortableSlices(KernelContext context, PortableSliceTile tile) : PortableGrid(context, tile)
{
    public override string Template => "Portable/slices";

    protected override int TileStride => PortablePlanner.TileStride(PortablePlanner.SliceElements);

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "slice", PortablePlanner.SliceElements },
        { "stage", tile.Stage },
    };
}
