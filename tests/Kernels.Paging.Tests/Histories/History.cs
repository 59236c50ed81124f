using CsCheck;

namespace Kernels.Paging.Tests.Histories;

/// <summary>A pool and what happens to it.</summary>
/// <param name="Pages">Pages of the pool.</param>
/// <param name="PageSize">Tokens of a page.</param>
/// <param name="HashValues">Different hashes of prefixes; 1: all collide.</param>
/// <param name="Vocabulary">Different tokens; few of them make equal prefixes likely.</param>
/// <param name="Steps">What happens.</param>
internal sealed record History(int Pages, int PageSize, int HashValues, int Vocabulary, Step[] Steps)
{
    private static readonly Gen<Step> AnyStep = Gen.Select(
        Gen.Frequency(
            (2, Gen.Const(Operation.Create)),
            (6, Gen.Const(Operation.Append)),
            (3, Gen.Const(Operation.AppendToSeveral)),
            (3, Gen.Const(Operation.Fork)),
            (3, Gen.Const(Operation.Truncate)),
            (2, Gen.Const(Operation.Release)),
            (4, Gen.Const(Operation.Publish)),
            (3, Gen.Const(Operation.Adopt)),
            (3, Gen.Const(Operation.SwapOut)),
            (3, Gen.Const(Operation.SwapIn)),
            (1, Gen.Const(Operation.Fault))),
        Gen.Int[0, 999],
        Gen.Int[0, 999],
        (operation, which, amount) => new Step(operation, which, amount));

    public static readonly Gen<History> Any = Gen.Select(
        Gen.Int[1, 24],
        Gen.OneOf(1, 2, 3, 4, 7),
        Gen.OneOf(1, 3, int.MaxValue),
        Gen.OneOf(1, 2, 50),
        AnyStep.Array[1, 120],
        (pages, pageSize, hashValues, vocabulary, steps) => new History(pages, pageSize, hashValues, vocabulary, steps));

    public override string ToString() =>
        $"{Pages} pages of {PageSize} tokens, {HashValues} hashes, {Vocabulary} tokens: "
            + $"{string.Join(", ", Steps.Select(step => $"{step.Operation}({step.Which}, {step.Amount})"))}";
}
