using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>The order of experts' slots, so that a matrix is read once for several of them.</content>
internal sealed partial class LayerKernels
{
    // The most experts that are put in order, and the work-items of the work-group that does it, but for devices that have no such large
    // ones.
    private const int MostExperts = 1024;

    // Slots of an expert, on average, from which on one reading for several pays: of codes later, as a tile's last slots cost more.
    private const int SlotsToShare = 2;
    private const int SlotsToShareCodes = 4;

    // Tokens that the experts were chosen for.
    private int choiceTokens;
    private Task<ComputeProgram>? sorting;
    private ComputeKernel? sortSlots;
    private DeviceBuffer<int>? slotOrder;
    private DeviceBuffer<int>? slotTiles;
    private (long Choice, int Slots, int Tile) sorted;

    private int SortItems => cpu ? 1 : Math.Min(MostExperts, device.Capabilities.MaxWorkGroupSize);

    private bool GroupsSlots(WeightMatrix w, int slots) =>
        slots >= (long)(w.Layout == WeightLayout.Words && w.Format.HasGroups ? SlotsToShareCodes : SlotsToShare) * w.Count
        && w.Count <= (cpu ? MostExperts : SortItems);

    // Sets the arguments of a kernel that are those of experts.
    // tile: slots of a tile; 0: each slot by itself.
    // Gives the tiles of the launch, and the argument behind those of experts.
    private (int Tiles, int Next) SetExperts(
        ComputeKernel kernel, DeviceBuffer<int> experts, int slots, int slotsPerRow, int expertCount, int tile)
    {
        const int First = 8;
        if (tile == 0)
        {
            kernel.Set(First, experts).Set(First + 1, slotsPerRow);
            return (slots, First + 2);
        }

        int tiles = Parts(slots, tile) + Math.Min(expertCount, slots);
        if (sorted != (expertChoice, slots, tile))
        {
            Sort(experts, slots, expertCount, tile, tiles);
            sorted = (expertChoice, slots, tile);
        }

        kernel.Set(First, slotOrder!).Set(First + 1, slotsPerRow).Set(First + 2, slotTiles!);
        return (tiles, First + 3);
    }

    private void Sort(DeviceBuffer<int> experts, int slots, int expertCount, int tile, int tiles)
    {
        device.Grow(ref slotOrder, slots);
        device.Grow(ref slotTiles, 4L * tiles);
        sorting ??= Build("order of experts", $"#define SORT_ITEMS {SortItems}\n{Text("expert_order.cl")}");
        ComputeKernel kernel = sortSlots ??= Create(sorting, "sort_slots");
        kernel.Set(0, experts).Set(1, slotOrder!).Set(2, slotTiles!).Set(3, slots).Set(4, expertCount).Set(5, slots).Set(6, tiles).Set(7, 1)
            .Set(8, tile);
        Submit(kernel, new NDRange(SortItems), new NDRange(SortItems));
    }
}
