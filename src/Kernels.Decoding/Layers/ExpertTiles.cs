using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// Slots in the order of their experts, and the tiles of slots that share an expert's matrix, made on the device (expert_order.cl).
/// </summary>
/// <param name="Order">[<paramref name="Places"/>]: the slot of a place, or −1.</param>
/// <param name="Tiles">[<paramref name="Count"/>, 4]: expert, first place, slots; no slots in those that are not needed.</param>
/// <param name="Places">Places, those between experts included.</param>
/// <param name="Count">The most tiles that slots can take.</param>
internal readonly record struct ExpertTiles(DeviceBuffer<int> Order, DeviceBuffer<int> Tiles, int Places, int Count);
