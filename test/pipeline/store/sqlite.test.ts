import test from 'ava'
import { storeContract } from '../../contracts/store.ts'
import { openSqliteSubject } from './sqlite-subject.ts'

storeContract(test.serial, openSqliteSubject)
