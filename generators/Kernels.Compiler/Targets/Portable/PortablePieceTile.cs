namespace Kernels.Compiler.Targets.Portable;

/// <summary>
/// A tile of few rows whose keys and values are loaded in pieces, straight into registers. A set of work-items has keys of its own,
/// and all rows against them; some lanes share a key, each with pieces of it.
/// </summary>
/// <param name="RowsEach">Rows of one work-item.</param>
/// <param name="KeysEach">Keys of a set.</param>
/// <param name="Lanes">Work-items that share a key.</param>
/// <param name="Sets">Sets of work-items.</param>
/// <param name="KeyPieces">Pieces of a key for one work-item.</param>
/// <param name="ValuePieces">Pieces of a value for one work-item.</param>
internal sealed record PortablePieceTile(
    int Rows, int RowsEach, int KeysEach, int Lanes, int Sets,
    int KeyPieces, int ValuePieces, int LocalBytes)
    : TilePlan(Rows, KeysEach * Sets, Lanes, Rows / RowsEach * Sets, LocalBytes,
        GroupsPerUnit: PortablePlanner.MostPieceGroup / (Lanes * Rows / RowsEach * Sets));
