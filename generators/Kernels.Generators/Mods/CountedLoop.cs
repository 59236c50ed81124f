using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <summary>A <c>for</c> loop whose course is fixed before it begins.</summary>
/// <param name="Variable">The variable that is counted.</param>
/// <param name="First">Its first value.</param>
/// <param name="End">What it is compared with.</param>
/// <param name="IncludesEnd">Whether the loop also runs for the end.</param>
/// <param name="Step">What is added to the variable, not 0.</param>
/// <param name="Others">Other variables that the loop declares.</param>
internal sealed record CountedLoop(
    ILocalSymbol Variable, IOperation First, IOperation End, bool IncludesEnd, int Step, IReadOnlyList<IVariableDeclaratorOperation> Others)
{
    public static CountedLoop? Find(IForLoopOperation loop) => Read(loop).Loop;

    /// <summary>What is not as it should be about a loop that <see cref="Find"/> does not take.</summary>
    public static string WhyNot(IForLoopOperation loop) => Read(loop).Fault;

    private static (CountedLoop? Loop, string Fault) Read(IForLoopOperation loop)
    {
        if (loop.Condition is null)
        {
            return (null, "A loop without a condition has no end that a kernel could know");
        }

        if (loop.Condition is not IBinaryOperation
            {
                OperatorKind: BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual
                    or BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual,
            } condition
            || (condition.LeftOperand as ILocalReferenceOperation ?? condition.RightOperand as ILocalReferenceOperation) is null)
        {
            return (null, $"The loop runs while {loop.Condition.Syntax}, which does not compare a variable of the loop with its end");
        }

        List<IVariableDeclaratorOperation> declared = [.. loop.Before.OfType<IVariableDeclarationGroupOperation>()
            .SelectMany(group => group.Declarations).SelectMany(declaration => declaration.Declarators)];
        bool isLeft = Declares(condition.LeftOperand);
        if (!(isLeft || Declares(condition.RightOperand))
            || loop.Before.Any(statement => statement is not IVariableDeclarationGroupOperation))
        {
            return (null, $"{condition.Syntax} does not compare an int that the loop declares");
        }

        ILocalSymbol variable = ((ILocalReferenceOperation)(isLeft ? condition.LeftOperand : condition.RightOperand)).Local;
        IVariableDeclaratorOperation declarator = declared.First(found => SymbolEqualityComparer.Default.Equals(found.Symbol, variable));
        if (variable.Type.SpecialType != SpecialType.System_Int32 || declarator.Initializer is not { } initializer)
        {
            return (null, $"{condition.Syntax} does not compare an int that the loop declares");
        }

        bool isUpwards = condition.OperatorKind is BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual == isLeft;
        if (loop.AtLoopBottom.Length != 1
            || StepOf(((loop.AtLoopBottom[0] as IExpressionStatementOperation)?.Operation ?? loop.AtLoopBottom[0]),
                variable) is not { } step
            || step == 0 || (step > 0) != isUpwards)
        {
            return (null, $"The loop does not take {variable.Name} to its end by a constant step");
        }

        IOperation end = isLeft ? condition.RightOperand : condition.LeftOperand;
        HashSet<ISymbol> assigned = FunctionTranslator.AssignedIn(loop.Body);
        if (assigned.Contains(variable))
        {
            return (null, $"The loop's body assigns to {variable.Name}");
        }

        ISymbol? moving = end.DescendantsAndSelf().Select(FunctionTranslator.SymbolOf).OfType<ISymbol>().FirstOrDefault(
            symbol => assigned.Contains(symbol) || SymbolEqualityComparer.Default.Equals(symbol, variable));
        if (moving is not null)
        {
            return (null, $"The loop's end, {end.Syntax}, changes with {moving.Name} while it runs");
        }

        bool includesEnd = condition.OperatorKind is BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThanOrEqual;
        declared.Remove(declarator);
        return (new(variable, initializer.Value, end, includesEnd, step, declared), "");

        bool Declares(IOperation operand) => operand is ILocalReferenceOperation { Local: { } local }
            && declared.Any(found => SymbolEqualityComparer.Default.Equals(found.Symbol, local));
    }

    private static int? StepOf(IOperation operation, ILocalSymbol variable)
    {
        (IOperation? target, int? step) = operation switch
        {
            IIncrementOrDecrementOperation increment => (increment.Target, increment.Kind == OperationKind.Increment ? 1 : -1),
            ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add } add =>
                (add.Target, add.Value.ConstantValue.Value as int?),
            ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Subtract } subtract =>
                (subtract.Target, subtract.Value.ConstantValue.Value is int and not int.MinValue and var value ? -value : (int?)null),
            _ => ((IOperation?)null, (int?)null),
        };
        return target is ILocalReferenceOperation local && SymbolEqualityComparer.Default.Equals(local.Local, variable) ? step : null;
    }
}
