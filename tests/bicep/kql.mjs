// Kusto's own parser over queries from standard input, [{name, query}], for a workspace with the tables that are used.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const require = createRequire(import.meta.url);
require('@kusto/language-service-next/bridge.min');
require('@kusto/language-service-next/Kusto.Language.Bridge.min');
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

const TABLES = {
  AppMetrics:
    '(TimeGenerated: datetime, Name: string, ItemCount: int, Sum: real, Min: real, Max: real, Properties: dynamic)',
  AppRequests:
    '(TimeGenerated: datetime, Name: string, Url: string, Success: bool, ResultCode: string, DurationMs: real,' +
    ' ItemCount: int, OperationName: string, Properties: dynamic)',
  Usage: '(TimeGenerated: datetime, DataType: string, Quantity: real, QuantityUnit: string, IsBillable: bool)',
};
const tables = Object.entries(TABLES).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
const workspace = new Symbols.DatabaseSymbol.$ctor1('workspace', tables);
const globals = GlobalState.Default.WithDatabase(workspace);

const findings = [];
for (const { name, query } of JSON.parse(readFileSync(0, 'utf8'))) {
  const code = KustoCode.ParseAndAnalyze(query, globals);
  const found = code.GetDiagnostics();
  for (let i = 0; i < found.Count; i++) findings.push(`${name}: ${found.getItem(i).Message}`);
  const columns = code.ResultType?.Columns;
  const names = [];
  for (let i = 0; i < (columns?.Count ?? 0); i++) names.push(columns.getItem(i).Name);
  findings.push({ name, columns: names });
}
console.log(JSON.stringify(findings));
