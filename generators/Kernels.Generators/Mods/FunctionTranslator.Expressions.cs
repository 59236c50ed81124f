using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <content>Expressions. They have no effects, so that parts of one may be calculated ahead of it, in statements of their own.</content>
internal sealed partial class FunctionTranslator
{
    /// <summary>The value of an expression, or null if there is none; that is reported, unless the C# compiler reports it.</summary>
    private LaneValue? Expression(IOperation operation, Mask? mask)
    {
        if (operation.ConstantValue is { HasValue: true, Value: { } constant })
        {
            switch (constant)
            {
                case int value:
                    return LaneValue.Of(value);
                case float value:
                    return LaneValue.Of(value);
                case bool value:
                    return LaneValue.Of(value);
            }
        }

        if (operation is IInvalidOperation || operation.Type?.TypeKind == TypeKind.Error)
        {
            isValid = false;
            return null;
        }

        if (KindOf(operation.Type) is not { } type)
        {
            if (!RefuseType(operation))
            {
                isValid = false;
            }

            return null;
        }

        switch (operation)
        {
            case IConversionOperation conversion:
                return Convert(conversion, type, mask);
            case ILocalReferenceOperation or IParameterReferenceOperation:
                // One that is not known was refused where it is declared.
                return variables.TryGetValue(SymbolOf(operation)!, out Variable? variable) ? Read(variable) : Missing();
            case IUnaryOperation { OperatorMethod: null } unary:
                return Unary(unary, mask);
            case IBinaryOperation { OperatorMethod: null } binary:
                return Binary(binary, mask);
            case IConditionalOperation conditional:
                return Conditional(conditional, type, mask);
            case ISwitchExpressionOperation @switch:
                return Switch(@switch, type, mask);
            case IIsPatternOperation test:
                return Expression(test.Value, mask) is { } tested ? Matches(test.Pattern, Named(tested)) : null;
            case IPropertyReferenceOperation { Property.IsIndexer: true, Instance: IParameterReferenceOperation buffer } element
                when BufferOf(buffer.Type) is not null:
                return Element(buffer, element.Arguments[0].Value, mask);
            case IInvocationOperation call:
                return Call(call, mask);
            case IMemberReferenceOperation { Instance: { } receiver } when IsRefused(receiver):
            case IArrayElementReferenceOperation { ArrayReference: { } array } when IsRefused(array):
                return Missing();
            case IPropertyReferenceOperation { Property.IsIndexer: true, Instance: { } part } when BufferOf(part.Type) is not null:
                return RefuseType(part) ? null : Missing();
            case IPropertyReferenceOperation { Instance: { } span } when BufferOf(span.Type) is not null:
                Report(ModRules.Construct,
                    operation.Syntax, operation.Syntax.ToString(),
                    "a kernel knows no lengths: pass what it needs as an int parameter of the mod");
                return null;
            case IMemberReferenceOperation { Instance: { } value and not IInstanceReferenceOperation } when KindOf(value.Type) is null:
                return RefuseType(value) ? null : Missing();
            case IFieldReferenceOperation or IPropertyReferenceOperation:
                Report(ModRules.Outside, operation.Syntax, ConstFix(operation), operation.Syntax.ToString());
                return null;
            default:
                Refuse(operation);
                return null;
        }
    }

    /// <summary>A field that is given its value where it is declared may as well be a const, if that value is one.</summary>
    private static ModFix? ConstFix(IOperation operation) =>
        operation is IFieldReferenceOperation { Field: { IsStatic: true, IsReadOnly: true } field }
        && field.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is Microsoft.CodeAnalysis.CSharp.Syntax.VariableDeclaratorSyntax
        {
            Initializer.Value: { } value,
            Parent: Microsoft.CodeAnalysis.CSharp.Syntax.VariableDeclarationSyntax { Variables.Count: 1 },
        } declared
        && declared.SyntaxTree == operation.Syntax.SyntaxTree
        && operation.SemanticModel?.GetConstantValue(value).HasValue == true
            ? new ModFix(ModFix.MakeConst, declared.SpanStart.ToString(System.Globalization.CultureInfo.InvariantCulture))
            : null;

    /// <summary>Whether an operation is a variable that was refused where it is declared.</summary>
    private bool IsRefused(IOperation operation) => SymbolOf(operation) is { } symbol && symbol is not ILocalSymbol { IsConst: true }
        && !variables.ContainsKey(symbol) && SymbolEqualityComparer.Default.Equals(symbol.ContainingSymbol, method);

    private LaneValue? Missing()
    {
        isValid = false;
        return null;
    }

    private static LaneValue Read(Variable variable) =>
        new(variable.Name, Binding.Primary, variable.Type, variable.IsUniform) { Range = variable.Range, IsMutable = variable.IsMutable };

    private LaneValue? Convert(IConversionOperation conversion, LaneType type, Mask? mask)
    {
        if (Expression(conversion.Operand, mask) is not { } value)
        {
            return null;
        }

        return ConvertTo(type, value, conversion);
    }

    /// <summary>A value as another type: what C# does implicitly or by a cast.</summary>
    private LaneValue? ConvertTo(LaneType type, LaneValue value, IOperation at)
    {
        switch (value.Type, type)
        {
            case var (from, to) when from == to:
                return value;
            case (LaneType.Int, LaneType.Float):
                return value.IsUniform
                    ? new($"(float)({value.Text})", Binding.Unary, type, true)
                    : new($"convert_lanes_float({value.Text})", Binding.Primary, type, false);
            case (LaneType.Float, LaneType.Int) when at is IConversionOperation { IsChecked: true }:
                return RefuseChecked(at);
            case (LaneType.Float, LaneType.Int):
                return Help(LaneHelper.ToInt, value);
            default:
                Refuse(at);
                return null;
        }
    }

    private LaneValue? Unary(IUnaryOperation unary, Mask? mask)
    {
        if (Expression(unary.Operand, mask) is not { } x)
        {
            return null;
        }

        switch (unary.OperatorKind, x.Type)
        {
            case (UnaryOperatorKind.Plus, _):
                return x;
            case (UnaryOperatorKind.Not, LaneType.Bool):
                return Not(x);
            case (UnaryOperatorKind.BitwiseNegation, LaneType.Int):
                return new($"~{x.In(Binding.Primary)}", Binding.Unary, LaneType.Int, x.IsUniform) { Range = -x.Range - IntRange.Of(1) };
            case (UnaryOperatorKind.Minus, LaneType.Float):
                return new($"-{x.In(Binding.Primary)}", Binding.Unary, LaneType.Float, x.IsUniform);
            case (UnaryOperatorKind.Minus, LaneType.Int):
                return Negate(x, unary);
            default:
                Refuse(unary);
                return null;
        }
    }

    private LaneValue? Negate(LaneValue x, IOperation at)
    {
        if ((-x.Range).FitsInt)
        {
            return new($"-{x.In(Binding.Primary)}", Binding.Unary, LaneType.Int, x.IsUniform) { Range = -x.Range };
        }

        return IsChecked(at) ? RefuseChecked(at) : Sum(LaneValue.Of(0), x, isDifference: true);
    }

    private LaneValue? Binary(IBinaryOperation binary, Mask? mask)
    {
        if (binary.OperatorKind is BinaryOperatorKind.ConditionalAnd or BinaryOperatorKind.ConditionalOr)
        {
            return ShortCircuit(binary, mask);
        }

        LaneValue? left = Expression(binary.LeftOperand, mask), right = Expression(binary.RightOperand, mask);
        return left is null || right is null ? null : Operate(binary.OperatorKind, left, right, binary);
    }

    /// <summary>An operation on operands that C# has given one type, shift counts aside.</summary>
    private LaneValue? Operate(BinaryOperatorKind @operator, LaneValue left, LaneValue right, IOperation at)
    {
        switch (@operator, left.Type)
        {
            case (BinaryOperatorKind.Add or BinaryOperatorKind.Subtract, LaneType.Float):
                instance.HasSum = true;
                return Infix(left, @operator == BinaryOperatorKind.Add ? "+" : "-", right, Binding.Sum, LaneType.Float);
            case (BinaryOperatorKind.Multiply, LaneType.Float):
                instance.HasProduct = true;
                return Infix(left, "*", right, Binding.Product, LaneType.Float);
            case (BinaryOperatorKind.Divide, LaneType.Float):
                return Infix(left, "/", right, Binding.Product, LaneType.Float);
            case (BinaryOperatorKind.Remainder, LaneType.Float):
                return Builtin("fmod", LaneType.Float, left, right);
            case (BinaryOperatorKind.Add or BinaryOperatorKind.Subtract or BinaryOperatorKind.Multiply, LaneType.Int):
                return Arithmetic(@operator, left, right, at);
            case (BinaryOperatorKind.Divide or BinaryOperatorKind.Remainder, LaneType.Int):
                return Quotient(left, right, @operator == BinaryOperatorKind.Remainder, at);
            case (BinaryOperatorKind.LeftShift, LaneType.Int):
                // Counts are taken modulo 32 in both languages.
                return Infix(left, "<<", right, Binding.Shift, LaneType.Int);
            case (BinaryOperatorKind.RightShift, LaneType.Int):
                return Infix(left, ">>", right, Binding.Shift, LaneType.Int) with { Range = left.Range.ShiftRight(right.Range) };
            case (BinaryOperatorKind.UnsignedRightShift, LaneType.Int):
                return FromUnsigned(Infix(AsUnsigned(left), ">>", right, Binding.Shift, LaneType.Int)) with
                {
                    Range = left.Range.IsNotNegative ? left.Range.ShiftRight(right.Range) : IntRange.Full,
                };
            case (BinaryOperatorKind.And, LaneType.Int or LaneType.Bool):
                return Infix(left, "&", right, Binding.BitAnd, left.Type) with { Range = left.Range & right.Range };
            case (BinaryOperatorKind.Or, LaneType.Int or LaneType.Bool):
                return Infix(left, "|", right, Binding.BitOr, left.Type);
            case (BinaryOperatorKind.ExclusiveOr, LaneType.Int or LaneType.Bool):
                return Infix(left, "^", right, Binding.BitXor, left.Type);
            case (BinaryOperatorKind.Equals, _):
                return Infix(left, "==", right, Binding.Equality, LaneType.Bool);
            case (BinaryOperatorKind.NotEquals, _):
                return Infix(left, "!=", right, Binding.Equality, LaneType.Bool);
            case (BinaryOperatorKind.LessThan, LaneType.Int or LaneType.Float):
                return Infix(left, "<", right, Binding.Relational, LaneType.Bool);
            case (BinaryOperatorKind.LessThanOrEqual, LaneType.Int or LaneType.Float):
                return Infix(left, "<=", right, Binding.Relational, LaneType.Bool);
            case (BinaryOperatorKind.GreaterThan, LaneType.Int or LaneType.Float):
                return Infix(left, ">", right, Binding.Relational, LaneType.Bool);
            case (BinaryOperatorKind.GreaterThanOrEqual, LaneType.Int or LaneType.Float):
                return Infix(left, ">=", right, Binding.Relational, LaneType.Bool);
            default:
                Refuse(at);
                return null;
        }
    }

    /// <summary>Sums and products of ints: as they are where they cannot overflow, on unsigned ints, which wrap, where they can.</summary>
    private LaneValue? Arithmetic(BinaryOperatorKind @operator, LaneValue left, LaneValue right, IOperation at)
    {
        (IntRange range, string symbol, Binding binding) = @operator switch
        {
            BinaryOperatorKind.Add => (left.Range + right.Range, "+", Binding.Sum),
            BinaryOperatorKind.Subtract => (left.Range - right.Range, "-", Binding.Sum),
            _ => (left.Range * right.Range, "*", Binding.Product),
        };
        if (range.FitsInt)
        {
            return Infix(left, symbol, right, binding, LaneType.Int) with { Range = range };
        }

        return IsChecked(at) ? RefuseChecked(at)
            : @operator == BinaryOperatorKind.Multiply
                ? FromUnsigned(Infix(AsUnsigned(left), "*", AsUnsigned(right), Binding.Product, LaneType.Int))
            : Sum(left, right, @operator == BinaryOperatorKind.Subtract);
    }

    private LaneValue Sum(LaneValue left, LaneValue right, bool isDifference) =>
        FromUnsigned(Infix(AsUnsigned(left), isDifference ? "-" : "+", AsUnsigned(right), Binding.Sum, LaneType.Int));

    private static LaneValue AsUnsigned(LaneValue value) =>
        value.Unsigned
        ?? (value.Constant is int constant
            ? new(unchecked((uint)constant).ToString(System.Globalization.CultureInfo.InvariantCulture) + "u",
                Binding.Primary, LaneType.Int, true)
            : new($"{(value.IsUniform ? "as_uint" : "as_lanes_uint")}({value.Text})", Binding.Primary, LaneType.Int, value.IsUniform));

    private static LaneValue FromUnsigned(LaneValue value) =>
        new($"{(value.IsUniform ? "as_int" : "as_lanes_int")}({value.Text})", Binding.Primary, LaneType.Int, value.IsUniform)
            { Unsigned = value };

    /// <summary>
    /// Quotients truncate towards 0 in both languages. Without one (divisor 0, least int over −1) C# throws, and OpenCL C may end the
    /// process, so that a helper divides wherever the ranges do not rule it out.
    /// </summary>
    private LaneValue? Quotient(LaneValue left, LaneValue right, bool isRemainder, IOperation at)
    {
        if (right.Constant is 0)
        {
            // An error in C# too.
            return Missing();
        }

        if (right.Constant is -1)
        {
            return isRemainder ? LaneValue.Of(0) : Negate(left, at);
        }

        IntRange range = isRemainder ? left.Range % right.Range : left.Range / right.Range;
        bool exists = (right.Range.Low > 0 || right.Range.High < 0)
            && (right.Range.Low > -1 || right.Range.High < -1 || left.Range.Low > int.MinValue);
        LaneValue result = exists
            ? Infix(left, isRemainder ? "%" : "/", right, Binding.Product, LaneType.Int)
            : Help(isRemainder ? LaneHelper.Remainder : LaneHelper.Divide, left, right);
        return result with { Range = range };
    }

    /// <summary>The right side of &amp;&amp; and || is calculated everywhere, but reads buffers only where C# would get to it.</summary>
    private LaneValue? ShortCircuit(IBinaryOperation binary, Mask? mask)
    {
        bool isAnd = binary.OperatorKind == BinaryOperatorKind.ConditionalAnd;
        LaneValue? left = Expression(binary.LeftOperand, mask);
        if (!NeedsGuard(binary.RightOperand))
        {
            LaneValue? right = Expression(binary.RightOperand, mask);
            return left is null || right is null ? null : Logical(left, isAnd, right);
        }

        if (left is null)
        {
            Expression(binary.RightOperand, mask);
            return null;
        }

        if (left.IsUniform)
        {
            return Branch(
                LaneType.Bool, left,
                () => isAnd ? Expression(binary.RightOperand, mask) : LaneValue.Of(true),
                () => isAnd ? LaneValue.Of(false) : Expression(binary.RightOperand, mask));
        }

        left = Named(left, "where");
        Mask inner = new(Named(Both(mask, isAnd ? left : Not(left)), "where"));
        return Expression(binary.RightOperand, inner) is { } guarded ? Logical(left, isAnd, guarded) : null;
    }

    private LaneValue? Conditional(IConditionalOperation conditional, LaneType type, Mask? mask)
    {
        LaneValue? condition = Expression(conditional.Condition, mask);
        IOperation whenTrue = conditional.WhenTrue, whenFalse = conditional.WhenFalse!;
        if (condition is null)
        {
            Expression(whenTrue, mask);
            Expression(whenFalse, mask);
            return null;
        }

        return Choose(
            type, condition, guard => Expression(whenTrue, guard), guard => Expression(whenFalse, guard),
            NeedsGuard(whenTrue), NeedsGuard(whenFalse), mask);
    }

    /// <summary>One of two values.</summary>
    private LaneValue? Choose(
        LaneType type, LaneValue condition,
        Func<Mask?, LaneValue?> whenTrue, Func<Mask?, LaneValue?> whenFalse,
        bool guardTrue, bool guardFalse, Mask? mask)
    {
        if (condition.IsUniform && (guardTrue || guardFalse))
        {
            return Branch(type, condition, () => whenTrue(mask), () => whenFalse(mask));
        }

        if (!condition.IsUniform && (guardTrue || guardFalse))
        {
            condition = Named(condition, "where");
        }

        LaneValue? a = whenTrue(guardTrue ? new(Named(Both(mask, condition), "where")) : mask);
        LaneValue? b = whenFalse(guardFalse ? new(Named(Both(mask, Not(condition)), "where")) : mask);
        if (a is null || b is null)
        {
            return null;
        }

        return condition.Constant is bool constant ? (constant ? a : b) : Select(b, a, condition);
    }

    /// <summary>One of two values of which only that one is calculated, since the choice is the same in all lanes.</summary>
    private LaneValue? Branch(LaneType type, LaneValue condition, Func<LaneValue?> whenTrue, Func<LaneValue?> whenFalse)
    {
        // The variable's type is known when both values are; the branches are written again then.
        CodeWriter before = writer;
        string name = names.Number("either");
        writer = new();
        LaneValue? a = whenTrue();
        CodeWriter first = writer;
        writer = new();
        LaneValue? b = whenFalse();
        CodeWriter second = writer;
        writer = before;
        if (a is null || b is null)
        {
            return null;
        }

        bool isUniform = a.IsUniform && b.IsUniform;
        writer.Add($"{Vocabulary.TypeOf(type, isUniform)} {name};");
        foreach ((string head, CodeWriter lines, LaneValue value) in new[] { ($"if ({condition.Text})", first, a), ("else", second, b) })
        {
            writer.Open(head);
            if (lines.ToString().Length > 0)
            {
                writer.Add(lines.ToString().TrimEnd('\n'));
            }

            writer.Add($"{name} = {(isUniform ? value : Widen(value)).Text};");
            writer.Close();
        }

        return new(name, Binding.Primary, type, isUniform) { Range = a.Range.Union(b.Range) };
    }

    private LaneValue? Switch(ISwitchExpressionOperation @switch, LaneType type, Mask? mask)
    {
        if (!@switch.IsExhaustive)
        {
            Report(ModRules.Construct, @switch.Syntax,
                "A switch expression that has no value for some cases", "add an arm for the rest: _ => ...");
            return null;
        }

        if (Expression(@switch.Value, mask) is not { } value)
        {
            return null;
        }

        value = Named(value);
        return Arm(0, mask);

        LaneValue? Arm(int index, Mask? guard)
        {
            ISwitchExpressionArmOperation arm = @switch.Arms[index];

            // Of exhaustive arms the last takes what the others leave.
            bool isLast = index == @switch.Arms.Length - 1;
            if (isLast)
            {
                return Expression(arm.Value, guard);
            }

            LaneValue? matches = Matches(arm.Pattern, value);
            if (matches is not null && arm.Guard is { } when)
            {
                LaneValue? condition = NeedsGuard(when) && matches is { IsUniform: false }
                    ? Expression(when, new(Named(Both(guard, matches), "where")))
                    : Expression(when, guard);
                matches = condition is null ? null : Logical(matches, true, condition);
            }

            if (matches is null)
            {
                return null;
            }

            if (matches.Constant is true)
            {
                return Expression(arm.Value, guard);
            }

            return Choose(
                type, matches, inner => Expression(arm.Value, inner), inner => Arm(index + 1, inner),
                NeedsGuard(arm.Value), @switch.Arms.Skip(index + 1).Any(NeedsGuard), guard);
        }
    }

    /// <summary>Whether a value, which is a name or a literal, has a pattern.</summary>
    private LaneValue? Matches(IPatternOperation pattern, LaneValue value)
    {
        switch (pattern)
        {
            case IDiscardPatternOperation:
                return LaneValue.Of(true);
            case IConstantPatternOperation constant:
                // NaN is the one constant that a pattern finds and == does not.
                return Expression(constant.Value, null) is not { } equal ? null
                    : equal.Constant is float.NaN ? Infix(value, "!=", value, Binding.Equality, LaneType.Bool)
                    : value.Type == LaneType.Bool && equal.Constant is bool isTrue ? (isTrue ? value : Not(value))
                    : Operate(BinaryOperatorKind.Equals, value, equal, pattern);
            case IRelationalPatternOperation relational:
                return Expression(relational.Value, null) is { } bound ? Operate(relational.OperatorKind, value, bound, pattern) : null;
            case INegatedPatternOperation negated:
                return Matches(negated.Pattern, value) is { } inner ? Not(inner) : null;
            case IBinaryPatternOperation both:
                LaneValue? left = Matches(both.LeftPattern, value), right = Matches(both.RightPattern, value);
                return left is null || right is null ? null : Logical(left, both.OperatorKind == BinaryOperatorKind.And, right);
            default:
                Report(ModRules.Construct, pattern.Syntax,
                    $"The pattern {pattern.Syntax}", "use constants, <, <=, >, >=, and, or, not and _");
                return null;
        }
    }

    /// <summary>An element of a buffer. Lanes that C# would not get here with read the first one, which is always there.</summary>
    private LaneValue? Element(IParameterReferenceOperation buffer, IOperation index, Mask? mask)
    {
        LaneValue? at = Expression(index, mask);
        if (at is null || !variables.TryGetValue(buffer.Parameter, out Variable? variable))
        {
            isValid = false;
            return null;
        }

        if (at.IsUniform && mask is null)
        {
            return new($"{variable.Name}[{at.Text}]", Binding.Primary, variable.Type, true);
        }

        LaneValue safe = mask is null ? Widen(at) : Select(LaneValue.Of(0), Widen(at), mask.Condition);
        string gather = variable.Type == LaneType.Int ? "lanes_gather_int" : "lanes_gather_float";
        return new($"{gather}({variable.Name}, {safe.Text})", Binding.Primary, variable.Type, false);
    }

    private LaneValue? Compound(ICompoundAssignmentOperation compound, Mask? mask)
    {
        LaneValue? value = Expression(compound.Value, mask);
        if (compound.OperatorMethod is not null
            || SymbolOf(compound.Target) is not { } symbol
            || !variables.TryGetValue(symbol, out Variable? variable)
            || variable.IsBuffer || value is null)
        {
            return null;
        }

        // C# calculates in the type of both sides and converts the result back. Shift counts have a type of their own.
        LaneValue target = Read(variable);
        bool isShift = compound.OperatorKind is
            BinaryOperatorKind.LeftShift or BinaryOperatorKind.RightShift or BinaryOperatorKind.UnsignedRightShift;
        return ConvertTo(isShift ? target.Type : value.Type, target, compound) is { } left
            && Operate(compound.OperatorKind, left, value, compound) is { } result
            ? ConvertTo(variable.Type, result, compound)
            : null;
    }

    private LaneValue? Increment(IIncrementOrDecrementOperation increment, Mask? mask)
    {
        if (increment.OperatorMethod is not null || Expression(increment.Target, mask) is not { } target)
        {
            return null;
        }

        BinaryOperatorKind @operator = increment.Kind == OperationKind.Increment ? BinaryOperatorKind.Add : BinaryOperatorKind.Subtract;
        return Operate(@operator, target, target.Type == LaneType.Float ? LaneValue.Of(1f) : LaneValue.Of(1), increment);
    }

    /// <summary>Whether something in an operation must not be done where C# would not get to it.</summary>
    private bool NeedsGuard(IOperation operation) => operation.DescendantsAndSelf().Any(found => found switch
    {
        IPropertyReferenceOperation { Property.IsIndexer: true } => true,
        IInvocationOperation call => SymbolEqualityComparer.Default.Equals(call.TargetMethod.ContainingType, Type),
        _ => false,
    });

    private static bool IsChecked(IOperation operation) => operation switch
    {
        IBinaryOperation binary => binary.IsChecked,
        IUnaryOperation unary => unary.IsChecked,
        ICompoundAssignmentOperation compound => compound.IsChecked,
        IIncrementOrDecrementOperation increment => increment.IsChecked,
        _ => false,
    };

    private LaneValue? RefuseChecked(IOperation at)
    {
        string text = at.Syntax.ToString();
        (string kind, string instead) = at is IAssignmentOperation or IIncrementOrDecrementOperation
            ? (ModFix.ReplaceStatement, $"unchecked {{ {text}; }}")
            : (ModFix.Replace, $"unchecked({text})");
        Report(ModRules.Checked, at.Syntax, new ModFix(kind, instead), text, instead);
        return null;
    }
}
