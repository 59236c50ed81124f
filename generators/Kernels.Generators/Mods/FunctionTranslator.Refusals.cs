using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <content>What cannot be translated, and what to write instead.</content>
internal sealed partial class FunctionTranslator
{
    private void Report(SpecRule rule, SyntaxNode at, params string[] arguments) => Report(rule, at.GetLocation(), arguments);

    private void Report(SpecRule rule, Location at, params string[] arguments) => findings.Add(new(rule, at, arguments));

    private void Report(SpecRule rule, SyntaxNode at, ModFix? fix, params string[] arguments) =>
        findings.Add(new(rule, at.GetLocation(), arguments) { Fix = fix });

    /// <summary>A construct that no kernel has.</summary>
    private void Refuse(IOperation operation)
    {
        operation = operation is IExpressionStatementOperation statement ? statement.Operation : operation;
        if (operation is IInvalidOperation || operation.Descendants().Any(found => found is IInvalidOperation))
        {
            isValid = false;
            return;
        }

        if (operation is ICoalesceOperation or ICoalesceAssignmentOperation or { Kind: OperationKind.None, Type: not null }
            && operation.Descendants().Any(IsRefused))
        {
            isValid = false;
            return;
        }

        (string what, string advice) = operation switch
        {
            IForEachLoopOperation => ("A loop over elements", "count with for (int i = 0; i < end; i++)"),
            ISwitchOperation => ("A switch statement", "write a switch expression, or if and else"),
            ILocalFunctionOperation function => ($"{function.Symbol.Name}, a local function,", $"make it a static method of {Type.Name}"),
            IThrowOperation or ITryOperation => ("An exception", "give a result for every case: kernels do not throw"),
            IBranchOperation { BranchKind: BranchKind.GoTo } => ("A jump", "write if, else and for"),
            ILockOperation => ("A lock", "leave it out: a mod shares nothing that it could change"),
            IUsingOperation or IUsingDeclarationOperation => ("A using statement", "a mod has only values, which need no disposal"),
            IDeconstructionAssignmentOperation => ("A deconstruction", "declare or assign one variable after another"),
            ISimpleAssignmentOperation { IsRef: true } => ("A reference", "use a variable of its own, and assign values"),
            ICoalesceAssignmentOperation => ("A test for null", "the values of a mod are never null: leave it out"),
            IEventAssignmentOperation => ("An event", "leave it out: all that a mod does is its result"),
            IAssignmentOperation or IIncrementOrDecrementOperation =>
                ("An assignment inside an expression", "write it as a statement of its own"),
            IInvocationOperation call when HasReferences(call) => (
                "A result by out or ref", $"return it instead, one from each static method of {Type.Name}"),
            IInvocationOperation call => (
                $"{NameOf(call)}, called for its effect,", "leave it out: all that a mod does is its result"),
            IDynamicInvocationOperation or IDynamicMemberReferenceOperation
                or IDynamicIndexerAccessOperation or IDynamicObjectCreationOperation =>
                ("A call that is bound when the method runs", "use variables of type int, float or bool instead of dynamic"),
            IDeclarationExpressionOperation => ("A variable declared inside an expression", "declare it in a statement of its own"),
            IAnonymousFunctionOperation or IDelegateCreationOperation or IMethodReferenceOperation
                or ITranslatedQueryOperation or IFunctionPointerInvocationOperation =>
                ("A lambda or delegate", $"call a static method of {Type.Name}"),
            IObjectCreationOperation or IArrayCreationOperation or IAnonymousObjectCreationOperation
                or IWithOperation or ITypeParameterObjectCreationOperation =>
                ("An allocation", "use local variables"),
            {
                Syntax: StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax
                    or CollectionExpressionSyntax
            } =>
                ("An allocation", "use local variables"),
            { Syntax: FixedStatementSyntax or UnsafeStatementSyntax } or IAddressOfOperation =>
                ("A pointer", "index spans, and use local variables"),
            IBinaryOperation { OperatorMethod: not null } or IUnaryOperation { OperatorMethod: not null }
                or ICompoundAssignmentOperation { OperatorMethod: not null }
                or IIncrementOrDecrementOperation { OperatorMethod: not null } or IConversionOperation { OperatorMethod: not null } =>
                ($"{Excerpt(operation.Syntax)}, an operator of a type's own,",
                    $"write it as a static method of {Type.Name} on int, float and bool"),
            IInterpolatedStringOperation => ("A text", "leave it out: all that a mod does is its result"),
            IArrayElementReferenceOperation =>
                ("An array", "pass its elements as a parameter of type ReadOnlySpan<int> or ReadOnlySpan<float>"),
            IImplicitIndexerReferenceOperation =>
                ("An index from the end", "count from the start, and pass the length as a parameter of the mod"),
            IAwaitOperation => ("await", "a kernel has nothing to wait for"),
            IReturnOperation { Kind: OperationKind.YieldReturn or OperationKind.YieldBreak } => ("An iterator", "return one value"),
            ICoalesceOperation or IConditionalAccessOperation => ("A test for null", "the values of a mod are never null"),
            IIsTypeOperation => ("A type test", "the types of a mod's values are known"),
            _ =>
                ($"{Excerpt(operation.Syntax)}", "use operators, Math and MathF, local variables, if, for, and static methods of the type"),
        };
        if (operation is IWhileLoopOperation)
        {
            Report(ModRules.LoopForm, LoopHead(operation.Syntax), "A while loop has no end that a kernel could know");
            return;
        }

        Report(ModRules.Construct,
            operation.Syntax is ForEachStatementSyntax or WhileStatementSyntax ? LoopHead(operation.Syntax) : operation.Syntax,
            what, advice);
    }

    private static SyntaxNode LoopHead(SyntaxNode loop) => loop switch
    {
        WhileStatementSyntax @while => @while.Condition,
        DoStatementSyntax @do => @do.Condition,
        ForEachStatementSyntax @foreach => @foreach.Expression,
        _ => loop,
    };

    /// <summary>
    /// Refuses an expression for its type, at what brings that type in. Whether it did: an unknown type is the C# compiler's to
    /// report, and a variable's type is refused at the variable.
    /// </summary>
    private bool RefuseType(IOperation operation)
    {
        IOperation whole = operation;
        operation = Unconverted(operation);
        if (operation is IThrowOperation)
        {
            Refuse(operation);
            return true;
        }

        if (operation.Type is not { TypeKind: not TypeKind.Error } type)
        {
            return false;
        }

        if (KindOf(type) is not null && whole.Type is { } to)
        {
            // What brings the type in is the conversion.
            ModFix? fix = whole.Syntax is CastExpressionSyntax cast && Nearest(to) is { } near
                ? new(ModFix.Replace, $"({near}){cast.Expression}")
                : null;
            Report(ModRules.Type, whole.Syntax, fix, Excerpt(whole.Syntax), A(to), InsteadOf(null, to));
            return true;
        }

        switch (operation)
        {
            case IInvalidOperation:
                return false;
            case IInvocationOperation call when LaneMath.IsMath(call.TargetMethod):
                RefuseMethod(call);
                return true;
            case ILocalReferenceOperation { Local.IsConst: false }:
                return false;
            case IParameterReferenceOperation when BufferOf(type) is null:
                return false;
            case IAnonymousFunctionOperation or IDelegateCreationOperation or IMethodReferenceOperation or ITranslatedQueryOperation
                or IObjectCreationOperation or IArrayCreationOperation or IAnonymousObjectCreationOperation or IWithOperation
                or IAwaitOperation or ICoalesceOperation or IConditionalAccessOperation
                or IInterpolatedStringOperation or IAddressOfOperation
                or IDynamicInvocationOperation or IDynamicMemberReferenceOperation or IDynamicIndexerAccessOperation
                or
                {
                    Syntax: StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax
                        or CollectionExpressionSyntax
                }:
                Refuse(operation);
                return true;
            case ILiteralOperation literal:
                string instead = InsteadOf(literal.Syntax.ToString(), type);
                ModFix? number = instead.StartsWith("write ", StringComparison.Ordinal)
                    ? new(ModFix.Replace, instead.Substring("write ".Length))
                    : null;
                Report(ModRules.Type, literal.Syntax, number, literal.Syntax.ToString(), A(type), instead);
                return true;
        }

        if (operation is IBinaryOperation or IUnaryOperation or IConditionalOperation or ISwitchExpressionOperation)
        {
            IOperation[] causes = [.. operation.ChildOperations
                .SelectMany(child => child is ISwitchExpressionArmOperation arm ? [arm.Value] : new[] { child })
                .Select(Unconverted)
                .Where(child => child is not IPatternOperation && KindOf(child.Type) is null)];
            if (causes.Length > 0)
            {
                return causes.Aggregate(false, (isReported, cause) => RefuseType(cause) | isReported);
            }
        }

        if (BufferOf(type) is not null)
        {
            Report(ModRules.Construct, operation.Syntax,
                $"{Excerpt(operation.Syntax)} as a value", "index the span, or pass it on as an argument");
        }
        else
        {
            Report(ModRules.Type, operation.Syntax, Excerpt(operation.Syntax), A(type), InsteadOf(null, type));
        }

        return true;
    }

    private void RefuseDeclared(ITypeSymbol type, Location at, string name)
    {
        if (type.TypeKind == TypeKind.Error)
        {
            isValid = false;
        }
        else
        {
            findings.Add(new(ModRules.Type, at, name, A(type), InsteadOf(null, type))
            {
                Fix = Nearest(type) is { } near ? new(ModFix.ChangeType, near) : null,
            });
        }
    }

    private void RefuseParameter(IParameterSymbol parameter, string why) => findings.Add(new(
        ModRules.InputType, parameter.Locations[0], parameter.Name, why,
        "bool, int, float, ReadOnlySpan<int> or ReadOnlySpan<float>, passed by value") { Fix = ModReader.FixOf(parameter) });

    private static string NameOf(IInvocationOperation call) => call.TargetMethod is { IsStatic: true, ContainingType: { } type } target
        ? $"{type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat)}.{target.Name}"
        : call.TargetMethod.Name;

    /// <summary>Whether a call gives something back through its arguments.</summary>
    private static bool HasReferences(IInvocationOperation call) =>
        call.Arguments.Any(argument => argument.Parameter is { RefKind: RefKind.Out or RefKind.Ref });

    private void RefuseMethod(IInvocationOperation call)
    {
        IMethodSymbol target = call.TargetMethod;
        string name = NameOf(call);
        if (BufferOf(target.ContainingType) is not null || BufferOf(call.Arguments.FirstOrDefault()?.Value.Type) is not null)
        {
            Report(ModRules.Method, call.Syntax, name, "index the span, and pass what else you need to know of it as an input");
            return;
        }

        string advice = LaneMath.Advice(target, call.Arguments.Select(argument => Excerpt(argument.Value.Syntax)).ToArray())
            ?? $"write it as a static method of {Type.Name}";
        const string mathF = "call MathF.";
        int at = advice.IndexOf(mathF, StringComparison.Ordinal);
        ModFix? fix = at >= 0 && target.Parameters.Any(parameter => parameter.Type.SpecialType == SpecialType.System_Double)
            ? new(ModFix.CallMathF, advice.Substring(at + mathF.Length))
            : null;
        Report(ModRules.Method, call.Syntax, fix, name, advice);
    }

    private static IOperation Unconverted(IOperation operation)
    {
        while (operation is IConversionOperation { OperatorMethod: null } conversion && KindOf(conversion.Type) is null)
        {
            operation = conversion.Operand;
        }

        return operation;
    }

    private static string A(ITypeSymbol type)
    {
        string name = type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);
        return ("aeioAEIO".IndexOf(name[0]) >= 0 ? "an " : "a ") + name;
    }

    /// <summary>The type of a mod's values that a number's type is nearest to, or null for others.</summary>
    private static string? Nearest(ITypeSymbol type) => InsteadOf(null, type) switch
    {
        "use int" => "int",
        "use float" when type.TypeKind != TypeKind.Dynamic => "float",
        _ => null,
    };

    private static string InsteadOf(string? literal, ITypeSymbol type)
    {
        switch (type.SpecialType)
        {
            case SpecialType.System_Double or SpecialType.System_Decimal:
                return literal is null ? "use float" : $"write {literal.TrimEnd('d', 'D', 'm', 'M')}f";
            case SpecialType.System_Int64 or SpecialType.System_UInt64 or SpecialType.System_UInt32:
                return literal is null ? "use int" : $"write {literal.TrimEnd('l', 'L', 'u', 'U')}";
            case SpecialType.System_Int16 or SpecialType.System_UInt16
                or SpecialType.System_SByte or SpecialType.System_Byte or SpecialType.System_Char
                or SpecialType.System_IntPtr or SpecialType.System_UIntPtr:
                return "use int";
            case SpecialType.System_String or SpecialType.System_Object:
                return "leave it out: kernels know no text and no objects";
            default:
                return type.Name == "Half" || type.TypeKind == TypeKind.Dynamic ? "use float"
                    : type.TypeKind == TypeKind.Enum ? "use int, and constants for its values"
                    : type.OriginalDefinition.SpecialType == SpecialType.System_Nullable_T
                        ? "the values of a mod are never null: use the type without ?"
                    : type.IsTupleType ? "use a variable for each element"
                    : "pass the numbers that are needed of it as inputs";
        }
    }

    private static string Excerpt(SyntaxNode syntax)
    {
        string text = syntax.ToString();
        int end = text.IndexOfAny(['\r', '\n']);
        return end < 0 && text.Length <= 60 ? text : text.Substring(0, Math.Min(end < 0 ? text.Length : end, 57)).TrimEnd() + "...";
    }
}
