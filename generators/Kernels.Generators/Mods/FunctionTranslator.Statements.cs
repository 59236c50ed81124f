using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <content>Statements.</content>
internal sealed partial class FunctionTranslator
{
    /// <summary>Where a statement leads to: nowhere, or on, with some of the lanes.</summary>
    private readonly record struct Flow(bool Ends, Mask? Mask)
    {
        public static Flow End => new(true, null);
    }

    private Flow Statements(IEnumerable<IOperation> statements, Mask? mask)
    {
        foreach (IOperation statement in statements)
        {
            if (mask is { IsShort: false } && UsesMask(statement))
            {
                string where = names.Number("where");
                writer.Add($"const lanes_int {where} = {mask.Condition.Text};");
                mask.Condition = new(where, Binding.Primary, LaneType.Bool, false);
            }

            Flow flow = Statement(statement, mask);
            if (flow.Ends)
            {
                return flow;
            }

            mask = flow.Mask;
        }

        return new(false, mask);
    }

    private Flow Statement(IOperation statement, Mask? mask)
    {
        switch (statement)
        {
            case IBlockOperation block:
                return Statements(block.Operations, mask);
            case IVariableDeclarationGroupOperation group:
                foreach (IVariableDeclaratorOperation declarator in group.Declarations.SelectMany(declaration => declaration.Declarators))
                {
                    Declare(declarator, mask);
                }

                return new(false, mask);
            case IExpressionStatementOperation { Operation: ISimpleAssignmentOperation { IsRef: false } assignment }:
                Assign(assignment.Target, Expression(assignment.Value, mask), mask);
                return new(false, mask);
            case IExpressionStatementOperation { Operation: ICompoundAssignmentOperation compound }:
                Assign(compound.Target, Compound(compound, mask), mask);
                return new(false, mask);
            case IExpressionStatementOperation { Operation: IIncrementOrDecrementOperation increment }:
                Assign(increment.Target, SymbolOf(increment.Target) is null ? null : Increment(increment, mask), mask);
                return new(false, mask);
            case IConditionalOperation condition:
                return If(condition, mask);
            case IForLoopOperation { Syntax: Microsoft.CodeAnalysis.CSharp.Syntax.ForStatementSyntax } @for:
                return For(@for, mask);
            case IReturnOperation { Kind: OperationKind.Return, ReturnedValue: { } value }:
                return Return(value, mask);
            case IReturnOperation { Kind: OperationKind.Return }:
                // Without a value: the C# compiler's to report.
                isValid = false;
                return new(false, mask);
            case IBranchOperation { BranchKind: BranchKind.Break or BranchKind.Continue } branch when loop is not null:
                return Leave(branch.BranchKind, mask);
            case IEmptyOperation:
                return new(false, mask);
            case ILabeledOperation { Operation: { } labeled }:
                // What jumps here is refused.
                return Statement(labeled, mask);
            default:
                Refuse(statement);
                return new(false, mask);
        }
    }

    private void Declare(IVariableDeclaratorOperation declarator, Mask? mask)
    {
        ILocalSymbol local = declarator.Symbol;
        if (local.IsConst)
        {
            // Its uses are constants of their own.
            return;
        }

        IVariableInitializerOperation? initializer = declarator.Initializer
            ?? (declarator.Parent as IVariableDeclarationOperation)?.Initializer;
        if (local.IsRef)
        {
            Report(ModRules.Construct, declarator.Syntax, $"{local.Name}, a reference,", "make it a variable of its own");
            return;
        }

        if (KindOf(local.Type) is not { } type)
        {
            if (BufferOf(local.Type) is not null)
            {
                Report(ModRules.Construct, declarator.Syntax, $"{local.Name}, a variable that holds a span,", "use the parameter itself");
            }
            else if (initializer is null || KindOf(Unconverted(initializer.Value).Type) is not null || !RefuseType(initializer.Value))
            {
                RefuseDeclared(local.Type, local.Locations[0], local.Name);
            }

            return;
        }

        LaneValue? value = initializer is null ? Zero(type) : Expression(initializer.Value, mask);
        if (value is null)
        {
            return;
        }

        bool isAssigned = assigned.Contains(local);
        if (!value.IsUniform)
        {
            Revise(varying.Add(local));
        }

        bool isUniform = !varying.Contains(local);
        string name = names.Variable(local.Name);
        writer.Add($"{(isAssigned ? "" : "const ")}{Vocabulary.TypeOf(type, isUniform)} "
            + $"{name} = {(isUniform ? value : Widen(value)).Text};");
        variables[local] = new(name, type, isUniform, mask) { IsMutable = isAssigned, Range = isAssigned ? IntRange.Full : value.Range };
    }

    private void Assign(IOperation target, LaneValue? value, Mask? mask)
    {
        if (target is IDiscardOperation)
        {
            Report(ModRules.Construct, target.Syntax.Parent ?? target.Syntax,
                "A result that is thrown away", "leave it out: all that a mod does is its result");
            return;
        }

        if (SymbolOf(target) is not { } symbol || (target as ILocalReferenceOperation)?.Local.IsRef == true)
        {
            Report(ModRules.Construct, target.Syntax,
                $"An assignment to {target.Syntax}", "assign to local variables and return the result");
            return;
        }

        if (value is null || !variables.TryGetValue(symbol, out Variable? variable))
        {
            // Reported where the value, or the variable, is.
            isValid = false;
            return;
        }

        if (variable.IsBuffer)
        {
            Report(ModRules.Construct, target.Syntax, $"An assignment to {target.Syntax}", "index the span that you want");
            return;
        }

        bool forAll = ReferenceEquals(mask, variable.DeclaredUnder);
        if (variable.IsUniform && !(value.IsUniform && forAll))
        {
            Revise(varying.Add(symbol));
        }

        writer.Add(variable.IsUniform ? $"{variable.Name} = {value.Text};"
            : forAll ? $"{variable.Name} = {Widen(value).Text};"
            : $"{variable.Name} = {Select(Read(variable), value, mask!.Condition).Text};");
    }

    private Flow If(IConditionalOperation condition, Mask? mask)
    {
        LaneValue? value = Expression(condition.Condition, mask);
        IOperation[] whenTrue = [condition.WhenTrue];
        IOperation[] whenFalse = condition.WhenFalse is null ? [] : [condition.WhenFalse];
        if (value?.Constant is bool constant)
        {
            return Statements(constant ? whenTrue : whenFalse, mask);
        }

        if (value is null)
        {
            // There may be more to say inside.
            Statements(whenTrue, mask);
            Statements(whenFalse, mask);
            return new(false, mask);
        }

        if (value.IsUniform && CanBranch([.. whenTrue, .. whenFalse], mask))
        {
            writer.Open($"if ({value.Text})");
            Flow then = Statements(whenTrue, mask);
            writer.Close();
            Flow otherwise = new(false, mask);
            if (whenFalse.Length > 0)
            {
                writer.Open("else");
                otherwise = Statements(whenFalse, mask);
                writer.Close();
            }

            return then.Ends && otherwise.Ends ? Flow.End : new(false, mask);
        }

        if (!value.IsUniform)
        {
            Revise(lanewiseIfs.Add(condition));
        }

        LaneValue lanes = Widen(value);
        string where = mask is null && lanes is { IsSimple: true, IsMutable: false } ? lanes.Text : names.Number("where");
        if (where != lanes.Text)
        {
            writer.Add($"const lanes_int {where} = {Both(mask, lanes).Text};");
        }

        LaneValue isTrue = new(where, Binding.Primary, LaneType.Bool, false);
        Mask trueMask = new(isTrue), falseMask = new(Both(mask, Not(isTrue)));
        Flow a = Statements(whenTrue, trueMask);
        Flow b = Statements(whenFalse, falseMask);
        return (a.Ends, b.Ends) switch
        {
            (true, true) => Flow.End,
            (true, false) => b,
            (false, true) => a,
            _ when ReferenceEquals(a.Mask, trueMask) && ReferenceEquals(b.Mask, falseMask) => new(false, mask),
            _ => new(false, new Mask(new(
                $"{a.Mask!.Condition.In(Binding.BitOr)} || {b.Mask!.Condition.In(Binding.BitOr)}", Binding.Or, LaneType.Bool, false))),
        };
    }

    /// <summary>
    /// Whether an <c>if</c> that goes the same way in all lanes may stay one: nothing inside leaves with only some of the lanes.
    /// </summary>
    private bool CanBranch(IOperation[] branches, Mask? mask) =>
        !branches.Any(HasLanewiseExit)
        && (ReferenceEquals(mask, root) || !branches.Any(HasReturn))
        && ((loop is { Running: null } && ReferenceEquals(mask, loop.BodyMask)) || !branches.Any(HasLoopExit));

    private Flow Return(IOperation returned, Mask? mask)
    {
        if (Expression(returned, mask) is not { } value)
        {
            return Flow.End;
        }

        if (ReferenceEquals(mask, root))
        {
            if (!value.IsUniform)
            {
                Revise(returnsUniform);
                returnsUniform = false;
            }

            writer.Add($"return {(returnsUniform ? value : Widen(value)).Text};");
            return Flow.End;
        }

        Revise(returnsUniform);
        returnsUniform = false;
        value = Widen(value);
        if (loop is { Running: not null, Returned: { } into })
        {
            LaneValue lanes = mask!.Condition;
            writer.Add($"{into.Result} = {Select(new(into.Result, Binding.Primary, value.Type, false), value, lanes).Text};");
            writer.Add($"{into.Lanes} = {into.Lanes} || {lanes.In(Binding.And)};");
            for (Loop? outer = loop; outer?.Running is not null; outer = outer.Outer)
            {
                writer.Add($"{outer.Running} = {outer.Running} && {Not(lanes).Text};");
            }

            return Flow.End;
        }

        if (!value.IsSimple)
        {
            string result = names.Number("result");
            writer.Add($"const {Vocabulary.TypeOf(value.Type, isUniform: false)} {result} = {value.Text};");
            value = new(result, Binding.Primary, value.Type, false);
        }

        returns.Add((mask!, value));
        return Flow.End;
    }

    private Flow Leave(BranchKind kind, Mask? mask)
    {
        if (loop!.Running is null)
        {
            writer.Add(kind == BranchKind.Break ? "break;" : "continue;");
        }
        else if (kind == BranchKind.Break)
        {
            writer.Add($"{loop.Running} = {loop.Running} && {Not(mask!.Condition).Text};");
        }

        return Flow.End;
    }

    private Flow For(IForLoopOperation statement, Mask? mask)
    {
        if (CountedLoop.Find(statement) is not { } counted)
        {
            Report(ModRules.LoopForm, ForHead(statement), CountedLoop.WhyNot(statement));
            Statements([statement.Body], mask);
            return new(false, mask);
        }

        foreach (IVariableDeclaratorOperation other in counted.Others)
        {
            Declare(other, mask);
        }

        LaneValue? first = Expression(counted.First, mask), end = Expression(counted.End, mask);
        foreach ((LaneValue? value, IOperation operation) in new[] { (first, counted.First), (end, counted.End) })
        {
            if (value is { IsUniform: false })
            {
                Report(ModRules.LoopBound, operation.Syntax, operation.Syntax.ToString());
            }
        }

        string name = names.Variable(counted.Variable.Name);
        IntRange firstRange = first?.Range ?? IntRange.Full, endRange = end?.Range ?? IntRange.Full;
        IntRange range = counted.Step > 0
            ? new(firstRange.Low, Math.Max(firstRange.Low, endRange.High - (counted.IncludesEnd ? 0 : 1)))
            : new(Math.Min(firstRange.High, endRange.Low + (counted.IncludesEnd ? 0 : 1)), firstRange.High);

        // A variable that can pass the end of int wraps there in C#, and goes on.
        bool wraps = !(range + IntRange.Of(counted.Step)).FitsInt;
        var variable = new Variable(name, LaneType.Int, IsUniform: true, mask) { IsMutable = true, Range = wraps ? IntRange.Full : range };
        variables[counted.Variable] = variable;
        string step = (wraps, counted.Step) switch
        {
            (false, 1) => $"{name}++",
            (false, -1) => $"{name}--",
            (false, > 0) => $"{name} += {LaneValue.Of(counted.Step).Text}",
            (false, _) => $"{name} -= {LaneValue.Of(-counted.Step).Text}",
            _ => $"{name} = {Sum(Read(variable), LaneValue.Of(counted.Step), isDifference: false).Text}",
        };
        string @operator = (counted.Step > 0 ? "<" : ">") + (counted.IncludesEnd ? "=" : "");
        string head = $"for (int {name} = {first?.Text}; {name} {@operator} {end?.In(Binding.Shift)}; {step})";

        bool hasReturn = HasReturn(statement.Body);
        bool isMasked = HasLanewiseExit(statement.Body) || (hasReturn && !ReferenceEquals(mask, root));
        Loop? outer = loop;
        if (!isMasked)
        {
            loop = new Loop(outer, null, null, mask);
            writer.Open(head);
            Statements([statement.Body], mask);
            writer.Close();
            loop = outer;
            return new(false, mask);
        }

        string running = names.Number("running");
        writer.Add($"lanes_int {running} = {(mask?.Condition ?? Widen(LaneValue.Of(true))).Text};");
        bool isOutermost = outer?.Returned is null;
        (string Lanes, string Result)? returned = outer?.Returned;
        if (hasReturn && isOutermost && KindOf(method.ReturnType) is { } type)
        {
            returned = (names.Number("returned"), names.Number("result"));
            writer.Add($"lanes_int {returned.Value.Lanes} = (lanes_int)(0);");
            writer.Add($"{Vocabulary.TypeOf(type, isUniform: false)} {returned.Value.Result} = {Widen(Zero(type)).Text};");
        }

        Mask body = new(new(running, Binding.Primary, LaneType.Bool, false));
        loop = new Loop(outer, running, returned, body);
        writer.Open(head);
        Statements([statement.Body], body);
        writer.Close();
        loop = outer;
        if (!hasReturn || returned is not { } into)
        {
            return new(false, mask);
        }

        LaneValue lanes = new(into.Lanes, Binding.Primary, LaneType.Bool, false);
        if (isOutermost)
        {
            returns.Add((new Mask(lanes), new(into.Result, Binding.Primary, KindOf(method.ReturnType)!.Value, false)));
        }

        return new(false, new Mask(Both(mask, Not(lanes))));
    }

    /// <summary>Whether some of the lanes can leave from inside alone: out of the method, or out of a loop around.</summary>
    private bool HasLanewiseExit(IOperation operation) => operation switch
    {
        IConditionalOperation when lanewiseIfs.Contains(operation) => HasReturn(operation) || HasLoopExit(operation),

        // A loop that lanes leave one by one is left by all at its end; only its returns lead further.
        ILoopOperation loop => HasReturn(loop) && HasLanewiseExit(loop.Body),
        _ => operation.ChildOperations.Any(HasLanewiseExit),
    };

    private static bool HasReturn(IOperation operation) => operation.DescendantsAndSelf().Any(found => found is IReturnOperation);

    /// <summary>Whether there is a break or continue inside that belongs to a loop around it.</summary>
    private static bool HasLoopExit(IOperation operation) => operation switch
    {
        IBranchOperation => true,
        ILoopOperation => false,
        _ => operation.ChildOperations.Any(HasLoopExit),
    };

    /// <summary>Whether a statement's text names its mask, so that it should have a name.</summary>
    private bool UsesMask(IOperation statement) => statement switch
    {
        IBlockOperation block => block.Operations.Any(UsesMask),
        IVariableDeclarationGroupOperation or IReturnOperation when loop?.Running is null => NeedsGuard(statement),
        IEmptyOperation => false,
        _ => true,
    };

    /// <summary>What a finding about a loop's course is shown on: the condition or, without one, all between for and its body.</summary>
    private static Location ForHead(IForLoopOperation statement)
    {
        var syntax = (Microsoft.CodeAnalysis.CSharp.Syntax.ForStatementSyntax)statement.Syntax;
        return statement.Condition?.Syntax.GetLocation() ?? Location.Create(
            syntax.SyntaxTree,
            Microsoft.CodeAnalysis.Text.TextSpan.FromBounds(syntax.ForKeyword.SpanStart, syntax.CloseParenToken.Span.End));
    }
}
